-- Dated lists of who signed the AI Pact, as operators imported them. `document` is JSON: the names on the list.
CREATE TABLE signatory_lists (
    as_of TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    source TEXT NOT NULL,
    names INTEGER NOT NULL,
    imported_at_us INTEGER NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (as_of, sha256)
) STRICT, WITHOUT ROWID;

-- Words of sites in attempts go with the scripts from this version on: what is settled is looked at once more.
UPDATE erasures SET settled = 0 WHERE erased_at_us IS NOT NULL;
