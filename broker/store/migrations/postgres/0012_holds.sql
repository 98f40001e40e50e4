-- See the file for SQLite.
CREATE TABLE holds (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    set_at_us BIGINT NOT NULL
);

CREATE TABLE erasures (
    person_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES persons (id),
    asked_at_us BIGINT,
    erased_at_us BIGINT,
    settled BIGINT NOT NULL
);
CREATE INDEX erasures_open ON erasures (person_id) WHERE settled = 0;

CREATE TABLE file_removals (
    sha256 TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    decided_at_us BIGINT NOT NULL
);

CREATE INDEX sessions_by_person ON sessions (person_id);
CREATE INDEX dossiers_settled ON dossiers (kind, id) WHERE desk IS NULL;
