-- How many rows a job of the main database has deleted or sealed anew so far: counted in the transactions that do.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    rows INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
