-- What reports count. A session's row has what is counted of its events (NULL until that was done for a row that is
-- older than this column), whether it begins its call, and a bit for each sort of incident.
ALTER TABLE sessions ADD COLUMN counted TEXT; -- JSON list of [figure, name, number]
ALTER TABLE sessions ADD COLUMN begins_call INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN incidents INTEGER NOT NULL DEFAULT 0;
-- Empty once every old row is counted.
CREATE INDEX sessions_uncounted ON sessions (id) WHERE counted IS NULL;
-- The few sessions that a report names.
CREATE INDEX sessions_with_incidents ON sessions (account_id, started_at, id, agent_id, incidents) WHERE incidents > 0;

-- The sums of a day (counted from 1970, UTC) for an agent, written together with the sessions' rows.
CREATE TABLE agent_days (
    agent_id TEXT NOT NULL REFERENCES agents (id),
    day INTEGER NOT NULL,
    figure TEXT NOT NULL, -- src/session/figures.rs
    name TEXT NOT NULL, -- of what the figure counts by name; else empty
    count INTEGER NOT NULL,
    PRIMARY KEY (agent_id, day, figure, name)
) STRICT, WITHOUT ROWID;
