-- How many rows there are and between which seconds they were made, so that nobody has to read them all to know. Written in
-- the transactions that write the rows.
CREATE TABLE vault_counts (
    kid TEXT NOT NULL,
    sealed_by TEXT NOT NULL,
    kind TEXT NOT NULL,
    rows INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    PRIMARY KEY (kid, sealed_by, kind)
) STRICT, WITHOUT ROWID;

INSERT INTO vault_counts (kid, sealed_by, kind, rows, oldest, newest)
SELECT kid, coalesce(sealed_by, kid), kind, count(*), min(created_at), max(created_at) FROM vault GROUP BY 1, 2, 3;
