-- The modules that provide steps or participants of a transaction, beside the one it is of: what they
-- are needed for, so that their bytes are kept for as long.
CREATE TABLE providers (
    transaction_id TEXT NOT NULL,
    module         TEXT NOT NULL,
    PRIMARY KEY (transaction_id, module)
) STRICT, WITHOUT ROWID;

CREATE INDEX providers_by_module ON providers (module);
