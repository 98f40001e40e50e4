-- One document for each placing, at the version of the job that it made, with what it rested on.
-- `placements` keeps what was placed before this, without that.
CREATE TABLE placings (
    job_id TEXT NOT NULL,
    job_version INTEGER NOT NULL,
    document TEXT NOT NULL,
    inputs TEXT NOT NULL,
    PRIMARY KEY (job_id, job_version)
) STRICT;

-- What placings rest on and share, named by its digest: site files, snapshots, zones, boards of them.
CREATE TABLE board_documents (
    sha256 TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;
