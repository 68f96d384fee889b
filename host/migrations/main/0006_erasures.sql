-- What was erased on demand, for reports; the journal has an event for each.
CREATE TABLE erasures (
    at INTEGER NOT NULL,
    what TEXT NOT NULL, -- before, subject, kid
    vault_values INTEGER NOT NULL,
    payloads INTEGER NOT NULL
) STRICT;
CREATE INDEX erasures_by_time ON erasures (at);
