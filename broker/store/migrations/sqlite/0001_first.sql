CREATE TABLE organisations (
    id TEXT NOT NULL PRIMARY KEY,
    domain TEXT,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX organisations_by_domain ON organisations (domain) WHERE domain IS NOT NULL;

CREATE TABLE evidence (
    id INTEGER NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    kind TEXT NOT NULL,
    issued_on TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX evidence_by_organisation ON evidence (organisation_id, kind, issued_on);

CREATE TABLE projects (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL REFERENCES organisations (id),
    document TEXT NOT NULL
) STRICT;

CREATE TABLE allocations (
    id TEXT NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects (id),
    document TEXT NOT NULL
) STRICT;
CREATE INDEX allocations_by_project ON allocations (project_id, id);

-- Apart from the terms: a balance is written with every job, the terms hardly ever.
CREATE TABLE balances (
    allocation_id TEXT NOT NULL PRIMARY KEY REFERENCES allocations (id),
    granted_ms INTEGER NOT NULL,
    used_ms INTEGER NOT NULL CHECK (used_ms >= 0),
    held_ms INTEGER NOT NULL CHECK (held_ms >= 0),
    lost_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE persons (
    id TEXT NOT NULL PRIMARY KEY,
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    name TEXT,
    email TEXT,
    first_seen_at_us INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX persons_by_subject ON persons (subject, issuer);

CREATE TABLE grants (
    person_id TEXT NOT NULL REFERENCES persons (id),
    role TEXT NOT NULL,
    PRIMARY KEY (person_id, role)
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    id_hash TEXT NOT NULL PRIMARY KEY,
    person_id TEXT NOT NULL REFERENCES persons (id),
    principal TEXT NOT NULL,
    issuer_session TEXT,
    created_at_us INTEGER NOT NULL,
    expires_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_by_expiry ON sessions (expires_at_us);

CREATE TABLE decisions (
    id TEXT NOT NULL PRIMARY KEY,
    organisation_id TEXT NOT NULL,
    result TEXT NOT NULL,
    policy_digest TEXT NOT NULL,
    document TEXT NOT NULL,
    decided_at_us INTEGER NOT NULL
) STRICT;

CREATE TABLE jobs (
    id TEXT NOT NULL PRIMARY KEY,
    project_id TEXT NOT NULL,
    state TEXT NOT NULL,
    active INTEGER NOT NULL,
    cancelling INTEGER NOT NULL,
    site_id TEXT,
    attempt_id TEXT,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX jobs_by_project ON jobs (project_id, id);
-- Finished jobs are in none of the partial indexes: the loops never pay for them.
CREATE INDEX jobs_active_by_project ON jobs (project_id, id) WHERE active = 1;
CREATE INDEX jobs_active_by_state ON jobs (state, site_id) WHERE active = 1;
CREATE INDEX jobs_pending ON jobs (id) WHERE state = 'pending';
CREATE INDEX jobs_cancelling ON jobs (site_id, attempt_id) WHERE cancelling = 1;
CREATE INDEX jobs_placed ON jobs (site_id, id) WHERE state = 'placed' AND attempt_id IS NULL;

CREATE TABLE placements (
    job_id TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE attempts (
    id TEXT NOT NULL PRIMARY KEY,
    job_id TEXT NOT NULL,
    site_id TEXT NOT NULL,
    open INTEGER NOT NULL,
    settled INTEGER NOT NULL,
    version INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX attempts_by_job ON attempts (job_id, id);
-- Invariant 2 once more, where no code can forget it.
CREATE UNIQUE INDEX attempts_one_open ON attempts (job_id) WHERE open = 1;
CREATE INDEX attempts_unsettled ON attempts (site_id, id) WHERE settled = 0;

CREATE TABLE usage_records (
    attempt_id TEXT NOT NULL PRIMARY KEY,
    job_id TEXT NOT NULL,
    project_id TEXT NOT NULL,
    share TEXT NOT NULL,
    site_id TEXT NOT NULL,
    month TEXT NOT NULL,
    ended_at_us INTEGER NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX usage_by_job ON usage_records (job_id);
CREATE INDEX usage_by_end ON usage_records (ended_at_us, attempt_id);
CREATE INDEX usage_by_project ON usage_records (project_id, ended_at_us, attempt_id);
CREATE INDEX usage_by_share ON usage_records (share, ended_at_us, attempt_id);

-- `id` is the person's id, a space and the key.
CREATE TABLE remembered (
    id TEXT NOT NULL PRIMARY KEY,
    request_sha256 TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at_us INTEGER NOT NULL
) STRICT;
CREATE INDEX remembered_by_age ON remembered (created_at_us);

CREATE TABLE site_states (
    site_id TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE site_snapshots (
    site_id TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE log_streams (
    attempt_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    length INTEGER NOT NULL,
    PRIMARY KEY (attempt_id, stream)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_chunks (
    attempt_id TEXT NOT NULL,
    stream TEXT NOT NULL,
    start_byte INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    PRIMARY KEY (attempt_id, stream, start_byte)
) STRICT;

CREATE TABLE ledger_head (
    id INTEGER NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL
) STRICT;
INSERT INTO ledger_head (id, size) VALUES (1, 0);

CREATE TABLE ledger_entries (
    seq INTEGER NOT NULL PRIMARY KEY,
    job_id TEXT,
    text TEXT NOT NULL
) STRICT;
CREATE INDEX ledger_entries_by_job ON ledger_entries (job_id, seq) WHERE job_id IS NOT NULL;

CREATE TABLE ledger_tiles (
    level INTEGER NOT NULL,
    tile_index INTEGER NOT NULL,
    hashes BLOB NOT NULL,
    PRIMARY KEY (level, tile_index)
) STRICT;

CREATE TABLE ledger_checkpoints (
    tree_size INTEGER NOT NULL PRIMARY KEY,
    root_hex TEXT NOT NULL,
    note TEXT NOT NULL,
    created_at_us INTEGER NOT NULL
) STRICT;
