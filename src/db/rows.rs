//! Rows as the tables hold them. `records.rs` makes them from records, and records from them.

use std::borrow::Cow;

use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text};
use diesel::sqlite::Sqlite;

use super::schema;
use super::statement::{Conflict, Row};

/// Declares a table's row: the struct, how Diesel reads it, and how `statement.rs` writes it.
macro_rules! row {
    ($name:ident $(<$life:lifetime>)? in $table:ident, $conflict:expr => {
        $($column:ident: $type:ty as $sql:ty,)+
    }) => {
        #[derive(Debug, Queryable, Selectable)]
        #[diesel(table_name = schema::$table)]
        pub(super) struct $name $(<$life>)? {
            $(pub(super) $column: $type,)+
        }

        impl $(<$life>)? Row for $name $(<$life>)? {
            type Table = schema::$table::table;
            type Columns<'r> = ($(Vec<&'r $type>,)+) where Self: 'r;
            const TABLE: &'static str = stringify!($table);
            const COLUMNS: &'static [&'static str] = &[$(stringify!($column)),+];
            const CONFLICT: Conflict = $conflict;

            fn bind<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
                let mut comma = "";
                $(
                    out.push_sql(comma);
                    comma = ", ";
                    out.push_bind_param::<$sql, _>(&self.$column)?;
                )+
                let _ = comma;
                Ok(())
            }

            fn columns(rows: &[Self]) -> Self::Columns<'_> {
                ($(rows.iter().map(|row| &row.$column).collect(),)+)
            }

            fn bind_columns<'b>(
                columns: &'b Self::Columns<'_>,
                out: &mut AstPass<'_, 'b, Pg>,
            ) -> QueryResult<()> {
                let ($($column,)+) = columns;
                let mut comma = "";
                $(
                    out.push_sql(comma);
                    comma = ", ";
                    out.push_bind_param::<Array<$sql>, _>($column)?;
                )+
                let _ = comma;
                Ok(())
            }
        }
    };
}

row!(EntityRow<'a> in entity, Conflict::Replace(&["id"]) => {
    id: i64 as BigInt,
    kind: Cow<'a, str> as Text,
    type_name: Cow<'a, str> as Text,
    key: Cow<'a, str> as Text,
    description: Cow<'a, str> as Text,
    location: Option<i64> as Nullable<BigInt>,
    home: Option<i64> as Nullable<BigInt>,
    destination: Option<i64> as Nullable<BigInt>,
    left_from: Option<i64> as Nullable<BigInt>,
    owner: Option<i64> as Nullable<BigInt>,
    permission: Option<Cow<'a, str>> as Nullable<Text>,
    state: Cow<'a, str> as Text,
    version: i64 as BigInt,
});

row!(AliasRow<'a> in alias, Conflict::Refuse => {
    entity: i64 as BigInt,
    n: i64 as BigInt,
    name: Cow<'a, str> as Text,
});

row!(AttributeRow<'a> in attribute, Conflict::Replace(&["entity", "category", "key"]) => {
    entity: i64 as BigInt,
    category: Cow<'a, str> as Text,
    key: Cow<'a, str> as Text,
    value: Cow<'a, str> as Text,
});

row!(TagRow<'a> in tag, Conflict::Keep => {
    entity: i64 as BigInt,
    category: Cow<'a, str> as Text,
    key: Cow<'a, str> as Text,
});

row!(LockRow<'a> in lock, Conflict::Replace(&["entity", "access"]) => {
    entity: i64 as BigInt,
    access: Cow<'a, str> as Text,
    expression: Cow<'a, str> as Text,
});

row!(TimerRow<'a> in timer, Conflict::Replace(&["entity", "name"]) => {
    entity: i64 as BigInt,
    name: Cow<'a, str> as Text,
    json: Cow<'a, str> as Text,
    start_at: i64 as BigInt,
    period_ms: i64 as BigInt,
    fired_at: i64 as BigInt,
});

row!(AccountRow<'a> in account, Conflict::Replace(&["id"]) => {
    id: i64 as BigInt,
    name: Cow<'a, str> as Text,
    folded: Cow<'a, str> as Text,
    skeleton: Cow<'a, str> as Text,
    password_hash: Cow<'a, str> as Text,
    permission: Cow<'a, str> as Text,
    superuser: bool as Bool,
    character: i64 as BigInt,
    options: Cow<'a, str> as Text,
    ignores: Cow<'a, str> as Text,
    created_at: i64 as BigInt,
    last_login_at: i64 as BigInt,
});

row!(ChannelRow<'a> in channel, Conflict::Replace(&["id"]) => {
    id: i64 as BigInt,
    name: Cow<'a, str> as Text,
    folded: Cow<'a, str> as Text,
    aliases: Cow<'a, str> as Text,
    description: Cow<'a, str> as Text,
    auto_join: bool as Bool,
    last_message: i64 as BigInt,
    permission: Cow<'a, str> as Text,
    type_name: Cow<'a, str> as Text,
    state: Cow<'a, str> as Text,
});

row!(MessageRow<'a> in channel_message, Conflict::Refuse => {
    channel: i64 as BigInt,
    n: i64 as BigInt,
    at: i64 as BigInt,
    account: Option<i64> as Nullable<BigInt>,
    speaker: Cow<'a, str> as Text,
    text: Cow<'a, str> as Text,
});

row!(SubscriptionRow in subscription, Conflict::Keep => {
    channel: i64 as BigInt,
    account: i64 as BigInt,
});

row!(SessionRow<'a> in session, Conflict::Replace(&["id"]) => {
    id: i64 as BigInt,
    account: i64 as BigInt,
    puppet: i64 as BigInt,
    cursor: i64 as BigInt,
    mode: Cow<'a, str> as Text,
    lost_at: Option<i64> as Nullable<BigInt>,
});

row!(ScriptRow<'a> in script, Conflict::Replace(&["id"]) => {
    id: i64 as BigInt,
    key: Cow<'a, str> as Text,
    type_name: Cow<'a, str> as Text,
    state: Cow<'a, str> as Text,
    period_ms: i64 as BigInt,
    start_at: i64 as BigInt,
});

row!(OutboxRow<'a> in outbox, Conflict::Refuse => {
    flush: i64 as BigInt,
    groups: Cow<'a, [u8]> as Binary,
});

row!(TellRow<'a> in tell, Conflict::Refuse => {
    id: i64 as BigInt,
    to_account: i64 as BigInt,
    from_account: i64 as BigInt,
    speaker: Cow<'a, str> as Text,
    text: Cow<'a, str> as Text,
    at: i64 as BigInt,
});

row!(SignalRow<'a> in signal, Conflict::Refuse => {
    id: i64 as BigInt,
    target_kind: Cow<'a, str> as Text,
    target: i64 as BigInt,
    name: Cow<'a, str> as Text,
    json: Cow<'a, str> as Text,
    sender: Option<i64> as Nullable<BigInt>,
    hops: i64 as BigInt,
});

row!(HistoryRow<'a> in change_history, Conflict::Refuse => {
    id: i64 as BigInt,
    at: i64 as BigInt,
    account: i64 as BigInt,
    by_name: Cow<'a, str> as Text,
    entity: i64 as BigInt,
    action: Cow<'a, str> as Text,
    before_json: Cow<'a, str> as Text,
    after_json: Cow<'a, str> as Text,
});
