-- Work that must not stay half done: an erasure, a rotation of keys. A row is written before the first step and deleted after
-- the last one, so what is here at a start is continued. A plan names rows and calls, and never the value that was asked for.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY, -- of the event that asks for it
    asked_at INTEGER NOT NULL,
    journal_at INTEGER NOT NULL, -- the byte behind which the journal has the job's events
    plan TEXT NOT NULL, -- JSON
    payloads INTEGER NOT NULL -- sessions whose texts it erased so far, counted in the transactions that do
) STRICT, WITHOUT ROWID;
