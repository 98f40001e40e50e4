-- One row for each allocation whose end is still to be dealt with: what was not used by then is lost.
-- Apart from terms and balances, so that looking for ended ones costs neither by the allocations that
-- are dealt with nor with any job.
CREATE TABLE expiries (
    allocation_id TEXT NOT NULL PRIMARY KEY REFERENCES allocations (id),
    ends_at_us INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX expiries_by_end ON expiries (ends_at_us, allocation_id);
INSERT INTO expiries (allocation_id, ends_at_us)
    SELECT id, COALESCE(unixepoch(json_extract(document, '$.valid_until')), 0) * 1000000
    FROM allocations;

-- Who has a role: members of a project, when a setup file leaves one out.
CREATE INDEX grants_by_role ON grants (role, person_id);

-- What an agent may take over: its own attempts, and those whose lease ran out.
ALTER TABLE attempts ADD COLUMN leased_by TEXT NOT NULL DEFAULT '';
ALTER TABLE attempts ADD COLUMN lease_until_us INTEGER NOT NULL DEFAULT 0;
UPDATE attempts SET
    leased_by = json_extract(document, '$.leased_by'),
    lease_until_us = COALESCE(unixepoch(json_extract(document, '$.lease_until')), 0) * 1000000
    WHERE settled = 0;
CREATE INDEX attempts_by_agent ON attempts (site_id, leased_by, id) WHERE settled = 0;
CREATE INDEX attempts_by_lease ON attempts (site_id, lease_until_us) WHERE settled = 0;

-- An operator's list of what goes on, newest first. The one index here that a submission writes.
CREATE INDEX jobs_active ON jobs (id) WHERE active = 1;
-- Lists of finished jobs by state or site, of all projects and of one. A job gets into them once, when
-- it ends; a list with a site reads one branch for each final state.
CREATE INDEX jobs_over_by_state ON jobs (state, id) WHERE active = 0;
CREATE INDEX jobs_over_by_site ON jobs (site_id, state, id) WHERE active = 0;
CREATE INDEX jobs_over_by_project ON jobs (project_id, state, id) WHERE active = 0;
CREATE INDEX jobs_over_by_project_and_site ON jobs (project_id, site_id, state, id) WHERE active = 0;

-- Usage at a site, of all projects and of one; written once for each attempt, when it is charged.
CREATE INDEX usage_by_site ON usage_records (site_id, ended_at_us, attempt_id);
CREATE INDEX usage_by_project_and_site
    ON usage_records (project_id, site_id, ended_at_us, attempt_id);
