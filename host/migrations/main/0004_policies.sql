-- Policies of accounts, and those of the install (no account): the ones that come with Masker and those of files.
CREATE TABLE policies (
    id TEXT PRIMARY KEY,
    account_id TEXT REFERENCES accounts (id),
    name TEXT NOT NULL,
    source TEXT NOT NULL, -- built-in, file, account
    version INTEGER NOT NULL, -- the newest
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    retired_at INTEGER -- of the install, and not there any more: its versions stay readable for those who ran on them
) STRICT;
CREATE UNIQUE INDEX policies_by_name ON policies (coalesce(account_id, ''), name);

CREATE TABLE policy_versions (
    policy_id TEXT NOT NULL REFERENCES policies (id),
    version INTEGER NOT NULL,
    document TEXT NOT NULL, -- as it was written
    created_at INTEGER NOT NULL,
    PRIMARY KEY (policy_id, version)
) STRICT, WITHOUT ROWID;
