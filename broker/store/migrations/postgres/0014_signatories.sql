-- See the file for SQLite.
CREATE TABLE signatory_lists (
    as_of TEXT COLLATE "C" NOT NULL,
    sha256 TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL,
    names BIGINT NOT NULL,
    imported_at_us BIGINT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (as_of, sha256)
);

UPDATE erasures SET settled = 0 WHERE erased_at_us IS NOT NULL;
