-- Which texts of terms somebody has accepted. Personal data, as in `persons`.
CREATE TABLE terms_acceptances (
    person_id TEXT NOT NULL REFERENCES persons (id),
    document TEXT NOT NULL,
    version TEXT NOT NULL,
    text_sha256 TEXT NOT NULL,
    accepted_at_us INTEGER NOT NULL,
    PRIMARY KEY (person_id, document, version, text_sha256)
) STRICT, WITHOUT ROWID;
