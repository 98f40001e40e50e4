-- The registry: what is said of each site, and what its administrators have set. Earlier documents are in
-- `board_documents`, by the digests that the ledger names.
CREATE TABLE registered_sites (
    site_id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;

-- The capacity window that a job was placed in, and what it takes of it at most. Only where a site has
-- set one for the job's share; a job that is placed again has one row still.
CREATE TABLE window_uses (
    job_id TEXT NOT NULL PRIMARY KEY,
    window_id TEXT NOT NULL,
    gpu_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX window_uses_by_window ON window_uses (window_id, job_id);

-- What an organisation used at a site in a month.
ALTER TABLE usage_records ADD COLUMN organisation_id TEXT NOT NULL DEFAULT '';
ALTER TABLE usage_records ADD COLUMN gpu_ms INTEGER NOT NULL DEFAULT 0;
UPDATE usage_records SET
    organisation_id = json_extract(document, '$.organisation'),
    gpu_ms = COALESCE(json_extract(document, '$.charge.gpu'), 0);
CREATE INDEX usage_by_organisation ON usage_records (organisation_id, site_id, month);
CREATE INDEX projects_by_organisation ON projects (organisation_id, id);
