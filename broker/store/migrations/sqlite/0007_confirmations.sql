-- What sites said to jobs that waited for their confirmation, with the words for the user: they may
-- name people, so they are here and not in the ledger.
CREATE TABLE confirmations (
    job_id TEXT NOT NULL,
    job_version INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (job_id, job_version)
) STRICT, WITHOUT ROWID;

-- What a site's people are asked for, oldest first. No other job is ever in it.
CREATE INDEX jobs_held ON jobs (site_id, id) WHERE state = 'held';
