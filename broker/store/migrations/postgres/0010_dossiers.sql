-- See the file for SQLite.
CREATE TABLE dossiers (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind TEXT COLLATE "C" NOT NULL,
    organisation_id TEXT COLLATE "C" NOT NULL REFERENCES organisations (id),
    desk TEXT COLLATE "C",
    due_at_us BIGINT,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX dossiers_by_organisation ON dossiers (organisation_id, kind, id);
CREATE INDEX dossiers_by_desk ON dossiers (desk, kind, id) WHERE desk IS NOT NULL;
CREATE INDEX dossiers_by_due ON dossiers (due_at_us, id) WHERE due_at_us IS NOT NULL;

CREATE TABLE claims (
    name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder TEXT COLLATE "C" NOT NULL
);

ALTER TABLE organisations ADD COLUMN version BIGINT NOT NULL DEFAULT 1;

INSERT INTO dossiers (id, kind, organisation_id, desk, due_at_us, version, document)
SELECT 'evi_' || LPAD(TO_HEX(id), 32, '0'), 'evidence', organisation_id,
    CASE WHEN document::JSONB ->> 'checked_by' IS NULL THEN 'reviewers' END, NULL, 1,
    JSONB_SET(document::JSONB, '{id}', TO_JSONB('evi_' || LPAD(TO_HEX(id), 32, '0')))::TEXT
FROM evidence;
