-- Agents with their keys, and the invites they came in by: what statements look for, and a document.
CREATE TABLE agent_invites (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX agent_invites_by_site ON agent_invites (site_id, id);

CREATE TABLE agents (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    site_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX agents_by_site ON agents (site_id, id);

-- A key is looked up by the SHA-256 that names it, at every request of an agent.
CREATE TABLE agent_keys (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    agent_id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    document TEXT NOT NULL
);
CREATE INDEX agent_keys_by_agent ON agent_keys (agent_id, id);

-- What was said once already, as `key nonce`: kept for longer than a signature counts.
CREATE TABLE agent_nonces (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    seen_at_us BIGINT NOT NULL
);
CREATE INDEX agent_nonces_by_age ON agent_nonces (seen_at_us);
