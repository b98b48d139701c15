// @generated automatically by Diesel CLI.

diesel::table! {
    account (id) {
        id -> Int8,
        name -> Text,
        folded -> Text,
        skeleton -> Text,
        password_hash -> Text,
        permission -> Text,
        superuser -> Bool,
        character -> Int8,
        options -> Text,
        ignores -> Text,
        created_at -> Int8,
        last_login_at -> Int8,
    }
}

diesel::table! {
    alias (entity, n) {
        entity -> Int8,
        n -> Int8,
        name -> Text,
    }
}

diesel::table! {
    attribute (entity, category, key) {
        entity -> Int8,
        category -> Text,
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    change_history (id) {
        id -> Int8,
        at -> Int8,
        account -> Int8,
        by_name -> Text,
        entity -> Int8,
        action -> Text,
        before_json -> Text,
        after_json -> Text,
    }
}

diesel::table! {
    channel (id) {
        id -> Int8,
        name -> Text,
        folded -> Text,
        aliases -> Text,
        description -> Text,
        auto_join -> Bool,
        last_message -> Int8,
        permission -> Text,
        type_name -> Text,
        state -> Text,
    }
}

diesel::table! {
    channel_message (channel, n) {
        channel -> Int8,
        n -> Int8,
        at -> Int8,
        account -> Nullable<Int8>,
        speaker -> Text,
        text -> Text,
    }
}

diesel::table! {
    entity (id) {
        id -> Int8,
        kind -> Text,
        type_name -> Text,
        key -> Text,
        description -> Text,
        location -> Nullable<Int8>,
        home -> Nullable<Int8>,
        destination -> Nullable<Int8>,
        left_from -> Nullable<Int8>,
        owner -> Nullable<Int8>,
        permission -> Nullable<Text>,
        state -> Text,
        version -> Int8,
    }
}

diesel::table! {
    lock (entity, access) {
        entity -> Int8,
        access -> Text,
        expression -> Text,
    }
}

diesel::table! {
    meta (id) {
        id -> Int8,
        epoch -> Int8,
        flush -> Int8,
        next_id -> Int8,
        schema_reader -> Int8,
        created_at -> Int8,
    }
}

diesel::table! {
    outbox (flush) {
        flush -> Int8,
        groups -> Bytea,
    }
}

diesel::table! {
    script (id) {
        id -> Int8,
        key -> Text,
        type_name -> Text,
        state -> Text,
        period_ms -> Int8,
        start_at -> Int8,
    }
}

diesel::table! {
    session (id) {
        id -> Int8,
        account -> Int8,
        puppet -> Int8,
        cursor -> Int8,
        mode -> Text,
        lost_at -> Nullable<Int8>,
    }
}

diesel::table! {
    signal (id) {
        id -> Int8,
        target_kind -> Text,
        target -> Int8,
        name -> Text,
        json -> Text,
        sender -> Nullable<Int8>,
        hops -> Int8,
    }
}

diesel::table! {
    subscription (channel, account) {
        channel -> Int8,
        account -> Int8,
    }
}

diesel::table! {
    tag (entity, category, key) {
        entity -> Int8,
        category -> Text,
        key -> Text,
    }
}

diesel::table! {
    tell (id) {
        id -> Int8,
        to_account -> Int8,
        from_account -> Int8,
        speaker -> Text,
        text -> Text,
        at -> Int8,
    }
}

diesel::table! {
    timer (entity, name) {
        entity -> Int8,
        name -> Text,
        json -> Text,
        start_at -> Int8,
        period_ms -> Int8,
        fired_at -> Int8,
    }
}

diesel::allow_tables_to_appear_in_same_query!(
    account,
    alias,
    attribute,
    change_history,
    channel,
    channel_message,
    entity,
    lock,
    meta,
    outbox,
    script,
    session,
    signal,
    subscription,
    tag,
    tell,
    timer,
);
