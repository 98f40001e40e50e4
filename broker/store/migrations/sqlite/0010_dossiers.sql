-- What people work on: evidence, applications. `desk` is where it lies while somebody has to do something, and
-- `due_at_us` when; both NULL once nobody has to.
CREATE TABLE dossiers (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    desk TEXT,
    due_at_us INTEGER,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX dossiers_by_organisation ON dossiers (organisation_id, kind, id);
CREATE INDEX dossiers_by_desk ON dossiers (desk, kind, id) WHERE desk IS NOT NULL;
CREATE INDEX dossiers_by_due ON dossiers (due_at_us, id) WHERE due_at_us IS NOT NULL;

-- Names that one alone may have: an identifier of an organisation, its open application for a mode.
CREATE TABLE claims (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE organisations ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- `evidence` stays for brokers of the version before; nothing writes it any more.
INSERT INTO dossiers (id, kind, organisation_id, desk, due_at_us, version, document)
SELECT 'evi_' || printf('%032x', id), 'evidence', organisation_id,
    CASE WHEN json_extract(document, '$.checked_by') IS NULL THEN 'reviewers' END, NULL, 1,
    json_set(document, '$.id', 'evi_' || printf('%032x', id))
FROM evidence;
