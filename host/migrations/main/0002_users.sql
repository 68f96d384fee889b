-- The install's owner. Not simply the oldest account: a clock that was set back would make a stranger's older.
ALTER TABLE accounts ADD COLUMN owns_install INTEGER NOT NULL DEFAULT 0;
UPDATE accounts SET owns_install = 1 WHERE id = (SELECT id FROM accounts ORDER BY rowid LIMIT 1);
CREATE UNIQUE INDEX accounts_owner ON accounts (owns_install) WHERE owns_install = 1;

-- Who signs in. An account is a person's own; the first one may have its operator too, who came by a link.
CREATE TABLE users (
    id TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    github_id INTEGER UNIQUE, -- NULL: came by a link
    github_login TEXT, -- may change; the id never does
    github_org TEXT, -- the organisation that let it in last time, where it was not its login
    name TEXT NOT NULL,
    email TEXT,
    avatar_url TEXT,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT;
CREATE INDEX users_by_account ON users (account_id, id);

-- What a session cookie stands for.
CREATE TABLE sign_ins (
    secret_sha256 BLOB PRIMARY KEY, -- the secret itself is nowhere
    user_id TEXT NOT NULL REFERENCES users (id),
    by_link INTEGER NOT NULL, -- else with GitHub
    created_at INTEGER NOT NULL,
    renewed_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_ins_by_user ON sign_ins (user_id);
CREATE INDEX sign_ins_by_renewal ON sign_ins (renewed_at);

-- Links that sign the operator in, once.
CREATE TABLE login_links (
    secret_sha256 BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Sign-ins with GitHub that have come back: each may do so once.
CREATE TABLE used_oauth_states (
    state_sha256 BLOB PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE api_tokens ADD COLUMN created_by TEXT REFERENCES users (id); -- NULL: the command line
