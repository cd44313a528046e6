-- What never changes of a transaction is written once, and what changes lies in a narrow table of its own; records lie in
-- the order in which they were written. So a commit of many transactions touches few pages. Numbers take the place of
-- ids in every table but one.

DROP INDEX transactions_by_key;
DROP INDEX transactions_unfinished;
DROP INDEX transactions_by_end;
DROP INDEX providers_by_module;
ALTER TABLE records RENAME TO old_records;
ALTER TABLE transactions RENAME TO old_transactions;
ALTER TABLE hosts RENAME TO old_hosts;
ALTER TABLE modules RENAME TO old_modules;

CREATE TABLE hosts (
    number INTEGER PRIMARY KEY,
    id     TEXT    NOT NULL UNIQUE,
    -- Which folder has its lock file: that of another name of this journal tells nothing here.
    locks  TEXT    NOT NULL,
    -- The latest version of records that it reads.
    reads  INTEGER NOT NULL,
    joined INTEGER NOT NULL
) STRICT;

-- What a transaction is. Times are microseconds since 1970 in UTC.
CREATE TABLE transactions (
    number      INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    definition  TEXT    NOT NULL,
    module      TEXT    NOT NULL,
    module_name TEXT,
    key         TEXT,
    class       TEXT,
    created     INTEGER NOT NULL
) STRICT;

-- Where it stands. `wake` is when it may be claimed: 0 is at once, and none is never.
CREATE TABLE progress (
    number  INTEGER PRIMARY KEY,
    status  TEXT    NOT NULL,
    paused  INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    -- The latest version among its records.
    version INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    host    INTEGER,
    wake    INTEGER,
    held    TEXT,
    wants   TEXT,
    updated INTEGER NOT NULL,
    ended   INTEGER,
    -- The place of its last append among the records.
    last    INTEGER
) STRICT;

CREATE INDEX progress_unfinished ON progress (host) WHERE ended IS NULL;
CREATE INDEX progress_awake ON progress (wake) WHERE host IS NULL AND wake IS NOT NULL;
CREATE INDEX progress_wanting ON progress (wants) WHERE wants IS NOT NULL;
CREATE INDEX progress_by_end ON progress (ended) WHERE ended IS NOT NULL;

-- The records of one append, as a JSON array; `seq` is the place of the first. Each names the append of its transaction
-- before it, and `progress` the last one: a chain costs no index, which would be a tenth of all that is written.
CREATE TABLE records (
    place   INTEGER PRIMARY KEY,
    number  INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    before  INTEGER,
    version INTEGER NOT NULL,
    records TEXT    NOT NULL
) STRICT;

-- Large payloads, once for each transaction; records refer to them by the digest of the text.
CREATE TABLE payloads (
    number INTEGER NOT NULL,
    digest TEXT    NOT NULL,
    text   TEXT    NOT NULL,
    PRIMARY KEY (number, digest)
) STRICT;

-- Who has a start key, how many had it before and were removed, and until when that is remembered. The digest of the
-- input is empty where it is to be taken from the records.
CREATE TABLE keys (
    module_name TEXT    NOT NULL,
    definition  TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    holder      INTEGER,
    input       TEXT    NOT NULL,
    before      INTEGER NOT NULL,
    until       INTEGER,
    PRIMARY KEY (module_name, definition, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX keys_remembered ON keys (until) WHERE until IS NOT NULL;

-- A flag is kept as a blob of one byte, so that it is neither a text nor a number.
CREATE TABLE labels (
    number INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    value  ANY     NOT NULL,
    PRIMARY KEY (number, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX labels_by_value ON labels (name, value);

-- A message has a reply once a commit has taken it.
CREATE TABLE messages (
    number  INTEGER NOT NULL,
    id      INTEGER NOT NULL,
    message TEXT    NOT NULL,
    reply   TEXT,
    PRIMARY KEY (number, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX messages_waiting ON messages (number, id) WHERE reply IS NULL;

CREATE TABLE modules (
    digest TEXT NOT NULL PRIMARY KEY,
    bytes  BLOB NOT NULL
) STRICT;

-- Modules that living hosts hold, and which one each name stands for.
CREATE TABLE holds (
    host   INTEGER NOT NULL,
    module TEXT    NOT NULL,
    PRIMARY KEY (host, module)
) STRICT, WITHOUT ROWID;

CREATE TABLE active (
    name   TEXT NOT NULL PRIMARY KEY,
    module TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The modules that provide steps or participants of a transaction, beside the one it is of.
CREATE TABLE uses (
    number INTEGER NOT NULL,
    module TEXT    NOT NULL,
    PRIMARY KEY (number, module)
) STRICT, WITHOUT ROWID;

CREATE INDEX uses_by_module ON uses (module);

INSERT INTO modules SELECT digest, bytes FROM old_modules;
INSERT INTO transactions (id, definition, module, module_name, key, created)
    SELECT id, definition, module, (SELECT name FROM old_modules WHERE digest = module), key, created
    FROM old_transactions ORDER BY id;
-- Hosts of the version before have other locks, which this one does not look at: what they owned is free. It
-- wakes at once, unless it waits for a person.
INSERT INTO progress (number, status, paused, seq, version, epoch, wake, updated, ended)
    SELECT t.number, o.status, o.paused, o.seq, 1, o.epoch,
           CASE WHEN o.ended IS NOT NULL OR o.paused OR o.status = 'stuck' THEN NULL ELSE 0 END, o.updated, o.ended
    FROM old_transactions o JOIN transactions t USING (id);
INSERT INTO records (number, seq, version, records)
    SELECT t.number, o.seq, o.version, '[' || o.record || ']'
    FROM old_records o JOIN transactions t ON t.id = o.transaction_id ORDER BY t.number, o.seq;
-- They were written one after the other.
UPDATE records SET before = place - 1 WHERE seq > 1;
CREATE TEMP TABLE lasts (number INTEGER PRIMARY KEY, last INTEGER);
INSERT INTO lasts SELECT number, max(place) FROM records GROUP BY number;
UPDATE progress SET last = (SELECT last FROM lasts WHERE lasts.number = progress.number);
DROP TABLE lasts;
-- Digests of the version before are of numbers that may have lost digits.
INSERT INTO keys (module_name, definition, key, holder, input, before)
    SELECT coalesce(t.module_name, ''), t.definition, t.key, t.number, '', 0
    FROM transactions t WHERE t.key IS NOT NULL
    ON CONFLICT DO NOTHING;
INSERT INTO uses (number, module)
    SELECT t.number, p.module FROM providers p JOIN transactions t ON t.id = p.transaction_id;

DROP TABLE old_records;
DROP TABLE old_transactions;
DROP TABLE old_hosts;
DROP TABLE old_modules;
DROP TABLE providers;
