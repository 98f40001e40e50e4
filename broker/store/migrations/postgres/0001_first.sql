-- COLLATE "C": ids and keys compare by their bytes, as in SQLite, whatever the database's locale is.

CREATE TABLE organisations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    domain TEXT,
    document TEXT NOT NULL
);
CREATE INDEX organisations_by_domain ON organisations (domain) WHERE domain IS NOT NULL;

CREATE TABLE evidence (
    id BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    organisation_id TEXT COLLATE "C" NOT NULL REFERENCES organisations (id),
    kind TEXT COLLATE "C" NOT NULL,
    issued_on TEXT COLLATE "C" NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX evidence_by_organisation ON evidence (organisation_id, kind, issued_on);

CREATE TABLE projects (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organisation_id TEXT COLLATE "C" NOT NULL REFERENCES organisations (id),
    document TEXT NOT NULL
);

CREATE TABLE allocations (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL REFERENCES projects (id),
    document TEXT NOT NULL
);
CREATE INDEX allocations_by_project ON allocations (project_id, id);

-- Apart from the terms: a balance is written with every job, the terms hardly ever.
CREATE TABLE balances (
    allocation_id TEXT COLLATE "C" NOT NULL PRIMARY KEY REFERENCES allocations (id),
    granted_ms BIGINT NOT NULL,
    used_ms BIGINT NOT NULL CHECK (used_ms >= 0),
    held_ms BIGINT NOT NULL CHECK (held_ms >= 0),
    lost_ms BIGINT NOT NULL
);

CREATE TABLE persons (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    name TEXT,
    email TEXT,
    first_seen_at_us BIGINT NOT NULL
);
CREATE UNIQUE INDEX persons_by_subject ON persons (subject, issuer);

CREATE TABLE grants (
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id),
    role TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (person_id, role)
);

CREATE TABLE sessions (
    id_hash TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id),
    principal TEXT NOT NULL,
    issuer_session TEXT,
    created_at_us BIGINT NOT NULL,
    expires_at_us BIGINT NOT NULL
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at_us);

CREATE TABLE decisions (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    organisation_id TEXT COLLATE "C" NOT NULL,
    result TEXT NOT NULL,
    policy_digest TEXT NOT NULL,
    document TEXT NOT NULL,
    decided_at_us BIGINT NOT NULL
);

CREATE TABLE jobs (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    project_id TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    active BIGINT NOT NULL,
    cancelling BIGINT NOT NULL,
    site_id TEXT COLLATE "C",
    attempt_id TEXT COLLATE "C",
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX jobs_by_project ON jobs (project_id, id);
-- Finished jobs are in none of the partial indexes: the loops never pay for them.
CREATE INDEX jobs_active_by_project ON jobs (project_id, id) WHERE active = 1;
CREATE INDEX jobs_active_by_state ON jobs (state, site_id) WHERE active = 1;
CREATE INDEX jobs_pending ON jobs (id) WHERE state = 'pending';
CREATE INDEX jobs_cancelling ON jobs (site_id, attempt_id) WHERE cancelling = 1;
CREATE INDEX jobs_placed ON jobs (site_id, id) WHERE state = 'placed' AND attempt_id IS NULL;

CREATE TABLE placements (
    job_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE attempts (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    job_id TEXT COLLATE "C" NOT NULL,
    site_id TEXT COLLATE "C" NOT NULL,
    open BIGINT NOT NULL,
    settled BIGINT NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX attempts_by_job ON attempts (job_id, id);
-- Invariant 2 once more, where no code can forget it.
CREATE UNIQUE INDEX attempts_one_open ON attempts (job_id) WHERE open = 1;
CREATE INDEX attempts_unsettled ON attempts (site_id, id) WHERE settled = 0;

CREATE TABLE usage_records (
    attempt_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    job_id TEXT COLLATE "C" NOT NULL,
    project_id TEXT COLLATE "C" NOT NULL,
    share TEXT COLLATE "C" NOT NULL,
    site_id TEXT COLLATE "C" NOT NULL,
    month TEXT COLLATE "C" NOT NULL,
    ended_at_us BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX usage_by_job ON usage_records (job_id);
CREATE INDEX usage_by_end ON usage_records (ended_at_us, attempt_id);
CREATE INDEX usage_by_project ON usage_records (project_id, ended_at_us, attempt_id);
CREATE INDEX usage_by_share ON usage_records (share, ended_at_us, attempt_id);

-- `id` is the person's id, a space and the key.
CREATE TABLE remembered (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    request_sha256 TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);
CREATE INDEX remembered_by_age ON remembered (created_at_us);

CREATE TABLE site_states (
    site_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE site_snapshots (
    site_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
);

CREATE TABLE log_streams (
    attempt_id TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    length BIGINT NOT NULL,
    PRIMARY KEY (attempt_id, stream)
);

CREATE TABLE log_chunks (
    attempt_id TEXT COLLATE "C" NOT NULL,
    stream TEXT COLLATE "C" NOT NULL,
    start_byte BIGINT NOT NULL,
    bytes BYTEA NOT NULL,
    PRIMARY KEY (attempt_id, stream, start_byte)
);

CREATE TABLE ledger_head (
    id BIGINT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL
);
INSERT INTO ledger_head (id, size) VALUES (1, 0);

CREATE TABLE ledger_entries (
    seq BIGINT NOT NULL PRIMARY KEY,
    job_id TEXT COLLATE "C",
    text TEXT NOT NULL
);
CREATE INDEX ledger_entries_by_job ON ledger_entries (job_id, seq) WHERE job_id IS NOT NULL;

CREATE TABLE ledger_tiles (
    level BIGINT NOT NULL,
    tile_index BIGINT NOT NULL,
    hashes BYTEA NOT NULL,
    PRIMARY KEY (level, tile_index)
);

CREATE TABLE ledger_checkpoints (
    tree_size BIGINT NOT NULL PRIMARY KEY,
    root_hex TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at_us BIGINT NOT NULL
);

-- Compressing a document costs more than writing it: pglz would take a third of a commit.
ALTER TABLE jobs ALTER COLUMN document SET STORAGE EXTERNAL;
ALTER TABLE placements ALTER COLUMN document SET STORAGE EXTERNAL;
ALTER TABLE decisions ALTER COLUMN document SET STORAGE EXTERNAL;

-- One row, written by every commit: room on its page keeps those writes in place.
ALTER TABLE ledger_head SET (fillfactor = 20);
ALTER TABLE balances SET (fillfactor = 50);
