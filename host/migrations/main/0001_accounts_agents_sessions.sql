CREATE TABLE accounts (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE api_tokens (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    scopes TEXT NOT NULL, -- JSON list
    secret_sha256 BLOB NOT NULL UNIQUE, -- the secret itself is nowhere
    created_at INTEGER NOT NULL,
    expires_at INTEGER
) STRICT;
CREATE INDEX api_tokens_by_account ON api_tokens (account_id, id);

CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    name TEXT NOT NULL,
    name_lower TEXT NOT NULL, -- SQLite's own case folding knows ASCII only
    upstream TEXT NOT NULL,
    tokenization TEXT NOT NULL,
    policy_name TEXT NOT NULL,
    policy_yaml TEXT,
    policy_version INTEGER NOT NULL,
    platform TEXT NOT NULL,
    assistant TEXT, -- JSON
    assistant_callback_url TEXT,
    proxy_key_hash BLOB,
    require_signature INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
-- A deleted agent gives its name back.
CREATE UNIQUE INDEX agents_by_name ON agents (account_id, name) WHERE deleted_at IS NULL;
CREATE INDEX agents_by_account ON agents (account_id, id) WHERE deleted_at IS NULL;

CREATE TABLE sessions (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    agent_id TEXT NOT NULL REFERENCES agents (id),
    agent_name TEXT NOT NULL,
    call_id TEXT,
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    status TEXT NOT NULL,
    redaction_count INTEGER NOT NULL,
    redactions_by_kind TEXT NOT NULL, -- JSON object
    upstream_model TEXT NOT NULL,
    policy_name TEXT NOT NULL,
    policy_version INTEGER NOT NULL,
    detection_ms REAL NOT NULL,
    tokenize_ms REAL NOT NULL,
    upstream_ms REAL NOT NULL,
    rehydrate_ms REAL NOT NULL,
    rehydrated TEXT NOT NULL, -- JSON list
    merkle_root BLOB,
    journal TEXT NOT NULL -- JSON list of [first byte, one past the last]
) STRICT;
-- The lists of the API, newest first, and the counts per agent.
CREATE INDEX sessions_by_account ON sessions (account_id, started_at, id);
CREATE INDEX sessions_by_agent ON sessions (agent_id, started_at, id);
CREATE INDEX sessions_by_call ON sessions (account_id, call_id, started_at, id) WHERE call_id IS NOT NULL;

-- Every session opened before this byte of the journal has its row.
CREATE TABLE journal_checkpoint (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    offset INTEGER NOT NULL
) STRICT;
INSERT INTO journal_checkpoint (id, offset) VALUES (1, 0);
