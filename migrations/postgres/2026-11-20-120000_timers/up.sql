-- A ticker's row holds its period and phase; `fired_at` is its last tick that changed something.
CREATE TABLE timer (
    entity BIGINT NOT NULL,
    name TEXT NOT NULL,
    json TEXT NOT NULL,
    start_at BIGINT NOT NULL,
    period_ms BIGINT NOT NULL,
    fired_at BIGINT NOT NULL,
    PRIMARY KEY (entity, name)
);

-- Signals whose handling has not committed yet. `target` is an id of the table that `target_kind` names.
CREATE TABLE signal (
    id BIGINT PRIMARY KEY NOT NULL,
    target_kind TEXT NOT NULL,
    target BIGINT NOT NULL,
    name TEXT NOT NULL,
    json TEXT NOT NULL,
    sender BIGINT,
    hops BIGINT NOT NULL
);

-- What builders and keepers changed by hand.
CREATE TABLE change_history (
    id BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    account BIGINT NOT NULL,
    by_name TEXT NOT NULL,
    entity BIGINT NOT NULL,
    action TEXT NOT NULL,
    before_json TEXT NOT NULL,
    after_json TEXT NOT NULL
);
CREATE INDEX change_history_entity ON change_history (entity, id);

ALTER TABLE channel ADD COLUMN type_name TEXT NOT NULL DEFAULT 'channel';
ALTER TABLE channel ADD COLUMN state TEXT NOT NULL DEFAULT 'null';

-- For builders who look for something. Lower case is that of ASCII on both backends.
CREATE INDEX entity_key ON entity (lower(key COLLATE "C"));
CREATE INDEX entity_kind ON entity (kind, type_name, id);
CREATE INDEX tag_lower ON tag (lower(key COLLATE "C"));
CREATE INDEX attribute_key ON attribute (key);
