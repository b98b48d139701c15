-- One row. `flush` is the number of the last flush, `next_id` the lowest id that was never reserved,
-- `schema_reader` the oldest version of the program's schema that can still read this database.
CREATE TABLE meta (
    id BIGINT PRIMARY KEY NOT NULL CHECK (id = 1),
    epoch BIGINT NOT NULL,
    flush BIGINT NOT NULL,
    next_id BIGINT NOT NULL,
    schema_reader BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
INSERT INTO meta (id, epoch, flush, next_id, schema_reader, created_at)
VALUES (1, 0, 0, 1, 1, CAST(extract(epoch FROM now()) * 1000 AS BIGINT));

CREATE TABLE account (
    id BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    skeleton TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    permission TEXT NOT NULL,
    superuser BOOLEAN NOT NULL,
    character BIGINT NOT NULL,
    options TEXT NOT NULL,
    ignores TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_login_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX account_folded ON account (folded);
CREATE UNIQUE INDEX account_skeleton ON account (skeleton);

CREATE TABLE entity (
    id BIGINT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    type_name TEXT NOT NULL,
    key TEXT NOT NULL,
    description TEXT NOT NULL,
    location BIGINT,
    home BIGINT,
    destination BIGINT,
    left_from BIGINT,
    owner BIGINT,
    permission TEXT,
    state TEXT NOT NULL,
    version BIGINT NOT NULL
);
-- Rooms are in nothing, and most of a large world is rooms and exits: the rooms need no place in this index.
CREATE INDEX entity_location ON entity (location) WHERE location IS NOT NULL;

CREATE TABLE alias (
    entity BIGINT NOT NULL,
    n BIGINT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (entity, n)
);

CREATE TABLE attribute (
    entity BIGINT NOT NULL,
    category TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (entity, category, key)
);

CREATE TABLE tag (
    entity BIGINT NOT NULL,
    category TEXT NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (entity, category, key)
);
CREATE INDEX tag_key ON tag (category, key);

CREATE TABLE lock (
    entity BIGINT NOT NULL,
    access TEXT NOT NULL,
    expression TEXT NOT NULL,
    PRIMARY KEY (entity, access)
);

CREATE TABLE channel (
    id BIGINT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    folded TEXT NOT NULL,
    aliases TEXT NOT NULL,
    description TEXT NOT NULL,
    auto_join BOOLEAN NOT NULL,
    last_message BIGINT NOT NULL,
    permission TEXT NOT NULL
);
CREATE UNIQUE INDEX channel_folded ON channel (folded);

CREATE TABLE channel_message (
    channel BIGINT NOT NULL,
    n BIGINT NOT NULL,
    at BIGINT NOT NULL,
    account BIGINT,
    speaker TEXT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (channel, n)
);

CREATE TABLE subscription (
    channel BIGINT NOT NULL,
    account BIGINT NOT NULL,
    PRIMARY KEY (channel, account)
);

CREATE TABLE script (
    id BIGINT PRIMARY KEY NOT NULL,
    key TEXT NOT NULL,
    type_name TEXT NOT NULL,
    state TEXT NOT NULL,
    period_ms BIGINT NOT NULL,
    start_at BIGINT NOT NULL
);

-- `cursor` is the last line done that changed anything.
CREATE TABLE session (
    id BIGINT PRIMARY KEY NOT NULL,
    account BIGINT NOT NULL,
    puppet BIGINT NOT NULL,
    cursor BIGINT NOT NULL,
    mode TEXT NOT NULL,
    lost_at BIGINT
);

-- Output of flushes that the portal has not confirmed yet.
CREATE TABLE outbox (
    flush BIGINT PRIMARY KEY NOT NULL,
    groups BYTEA NOT NULL
);

-- A `tell` that waits for its reader to log in.
CREATE TABLE tell (
    id BIGINT PRIMARY KEY NOT NULL,
    to_account BIGINT NOT NULL,
    from_account BIGINT NOT NULL,
    speaker TEXT NOT NULL,
    text TEXT NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX tell_to_account ON tell (to_account);
