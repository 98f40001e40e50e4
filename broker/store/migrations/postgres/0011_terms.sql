-- See the file for SQLite.
CREATE TABLE terms_acceptances (
    person_id TEXT COLLATE "C" NOT NULL REFERENCES persons (id),
    document TEXT COLLATE "C" NOT NULL,
    version TEXT COLLATE "C" NOT NULL,
    text_sha256 TEXT COLLATE "C" NOT NULL,
    accepted_at_us BIGINT NOT NULL,
    PRIMARY KEY (person_id, document, version, text_sha256)
);
