DROP INDEX attribute_key;
DROP INDEX tag_lower;
DROP INDEX entity_kind;
DROP INDEX entity_key;
ALTER TABLE channel DROP COLUMN state;
ALTER TABLE channel DROP COLUMN type_name;
DROP TABLE change_history;
DROP TABLE signal;
DROP TABLE timer;
