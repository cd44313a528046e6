-- Records are the truth. Every other table can be made again from them, or holds what is no truth:
-- who owns what, who is there, and the bytes of modules.

-- 'wasa' as four letters: tells a journal from another program's database.
PRAGMA application_id = 0x77617361;

CREATE TABLE records (
    transaction_id TEXT    NOT NULL,
    seq            INTEGER NOT NULL,
    version        INTEGER NOT NULL,
    record         TEXT    NOT NULL,
    PRIMARY KEY (transaction_id, seq)
) STRICT, WITHOUT ROWID;

-- Times are microseconds since 1970 in UTC.
CREATE TABLE transactions (
    id         TEXT    NOT NULL PRIMARY KEY,
    definition TEXT    NOT NULL,
    module     TEXT    NOT NULL,
    key        TEXT,
    input      TEXT    NOT NULL,
    status     TEXT    NOT NULL,
    paused     INTEGER NOT NULL,
    seq        INTEGER NOT NULL,
    epoch      INTEGER NOT NULL,
    host       TEXT,
    due        INTEGER,
    created    INTEGER NOT NULL,
    updated    INTEGER NOT NULL,
    ended      INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX transactions_by_key ON transactions (definition, key) WHERE key IS NOT NULL;
-- What a claim looks through: unfinished ones only, so that ended ones cost nothing.
CREATE INDEX transactions_unfinished ON transactions (host, id) WHERE ended IS NULL;
CREATE INDEX transactions_by_end ON transactions (ended) WHERE ended IS NOT NULL;

CREATE TABLE hosts (
    id     TEXT    NOT NULL PRIMARY KEY,
    joined INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE modules (
    digest TEXT    NOT NULL PRIMARY KEY,
    name   TEXT    NOT NULL,
    bytes  BLOB    NOT NULL,
    added  INTEGER NOT NULL
) STRICT;
