-- Lists of sessions. Each index begins with whose sessions they are and ends with the order of the list, so that a page
-- is read from the place where it begins, however rare what is asked for. One that ends with `redaction_count` also
-- answers how many spans were masked without touching a row.
DROP INDEX sessions_by_agent;
CREATE INDEX sessions_by_agent ON sessions (agent_id, started_at, id, redaction_count);
-- "Ended like this" and "at least so many spans": every pair of the two is a list of its own, and a page merges them.
CREATE INDEX sessions_by_account_outcome ON sessions (account_id, status, redaction_count, started_at, id);
CREATE INDEX sessions_by_agent_outcome ON sessions (agent_id, status, redaction_count, started_at, id);
-- The same for many spans, by sixty-four, so that there are never many lists to merge.
CREATE INDEX sessions_by_account_many ON sessions
    (account_id, status, redaction_count >> 6, started_at, id, redaction_count) WHERE redaction_count >= 64;
CREATE INDEX sessions_by_agent_many ON sessions
    (agent_id, status, redaction_count >> 6, started_at, id, redaction_count) WHERE redaction_count >= 64;

-- What an agent did in each hour (counted from 1970), written together with the session's row. The figures of the last
-- day and week are sums over these.
CREATE TABLE agent_hours (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    hour INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    redactions INTEGER NOT NULL,
    PRIMARY KEY (agent_id, hour)
) STRICT, WITHOUT ROWID;

-- How many of an hour's sessions took how long; src/session/latency.rs says what a bucket is.
CREATE TABLE agent_hour_latencies (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    hour INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    sessions INTEGER NOT NULL,
    PRIMARY KEY (agent_id, hour, bucket)
) STRICT, WITHOUT ROWID;

-- Agents by name are looked for in the index alone; the second one knows the deleted ones too.
DROP INDEX agents_by_account;
CREATE INDEX agents_by_account ON agents (account_id, id, name_lower) WHERE deleted_at IS NULL;
CREATE INDEX agents_ever ON agents (account_id, id);

-- What was said, where a policy asks for it: sealed, and gone with the session at the latest.
CREATE TABLE session_payloads (
    session_id TEXT PRIMARY KEY REFERENCES sessions (id) ON DELETE CASCADE,
    kept_since INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT;
CREATE INDEX session_payloads_by_age ON session_payloads (kept_since);
