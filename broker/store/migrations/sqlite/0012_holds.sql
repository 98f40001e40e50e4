-- What must not be erased while a law or a dispute needs it: by `per_…` or `org_…`.
CREATE TABLE holds (
    id TEXT NOT NULL PRIMARY KEY,
    reason TEXT NOT NULL,
    set_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Who asked to be erased, and who was. `settled` once nothing of theirs waits for its time.
CREATE TABLE erasures (
    person_id TEXT NOT NULL PRIMARY KEY REFERENCES persons (id),
    asked_at_us INTEGER,
    erased_at_us INTEGER,
    settled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX erasures_open ON erasures (person_id) WHERE settled = 0;

-- Files whose evidence is gone, until they are out of the object store, too.
CREATE TABLE file_removals (
    sha256 TEXT NOT NULL PRIMARY KEY,
    decided_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_person ON sessions (person_id);
-- What nobody has to act on any more: where retention looks for what is over.
CREATE INDEX dossiers_settled ON dossiers (kind, id) WHERE desk IS NULL;
