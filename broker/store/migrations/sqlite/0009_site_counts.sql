-- How many jobs were placed at a site by what its windows and limits count: a number that each such placing
-- must have read and moves on, so that of two replicas that counted the same only one places.
CREATE TABLE site_counts (
    site_id TEXT NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT;
