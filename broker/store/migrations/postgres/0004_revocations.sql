-- Whose tokens and sessions no longer count. Personal data, as in `persons`.
CREATE TABLE revocations (
    issuer TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    issued_until_us BIGINT NOT NULL,
    revoked_at_us BIGINT NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (issuer, subject)
);
