-- Whose tokens and sessions no longer count. Personal data, as in `persons`.
CREATE TABLE revocations (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    issued_until_us INTEGER NOT NULL,
    revoked_at_us INTEGER NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (issuer, subject)
) STRICT, WITHOUT ROWID;
