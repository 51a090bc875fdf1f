-- The event store: the truth. Rows are added, never changed and never removed.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row a record. `hash` is blake2b-256 of the previous row's hash and this row's id, schema
-- and record (header and payload); the first row follows the hash in meta('genesis').
CREATE TABLE event (
    id             INTEGER PRIMARY KEY,
    source         INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    kind           INTEGER NOT NULL,
    time           INTEGER NOT NULL,
    cause_source   INTEGER NOT NULL,
    cause_position INTEGER NOT NULL,
    instrument     INTEGER NOT NULL,
    flags          INTEGER NOT NULL,
    schema         INTEGER NOT NULL,
    payload        BLOB NOT NULL,
    hash           BLOB NOT NULL,
    UNIQUE (source, position)
) STRICT;

CREATE INDEX event_cause ON event (cause_source, cause_position);

CREATE TRIGGER event_is_not_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
CREATE TRIGGER event_is_not_removed BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'events are never removed'); END;

-- How far each source was taken; moves in the transaction of its events.
CREATE TABLE cursor (
    source   INTEGER PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT;
