-- How many spans of each kind an account's agents masked in each hour.
CREATE TABLE account_hour_kinds (
    account_id TEXT NOT NULL REFERENCES accounts (id),
    hour INTEGER NOT NULL,
    kind TEXT NOT NULL,
    redactions INTEGER NOT NULL,
    PRIMARY KEY (account_id, hour, kind)
) STRICT, WITHOUT ROWID;

-- Of the sessions that are there, those of the last eight days: older ones are in no figure.
INSERT INTO account_hour_kinds (account_id, hour, kind, redactions)
SELECT account_id, started_at / 3600000, key, sum(value)
FROM sessions, json_each(redactions_by_kind)
WHERE started_at > (SELECT max(started_at) FROM sessions) - 8 * 86400000
GROUP BY 1, 2, 3;
