-- What the browser called itself, so that people recognise theirs in a list.
ALTER TABLE sign_ins ADD COLUMN user_agent TEXT NOT NULL DEFAULT '';

-- When a key was first here. The check value tells a new key under an old name; it is derived, no key follows from it.
CREATE TABLE keys_seen (
    purpose TEXT NOT NULL, -- token, report, journal, sign_in
    name TEXT NOT NULL,
    check_value TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, name, check_value)
) STRICT, WITHOUT ROWID;
