-- Rows of one call stand together, since the key begins with its scope.
CREATE TABLE vault (
    agent BLOB NOT NULL, -- the 16 bytes of the id
    scope BLOB NOT NULL, -- the call, or zeros
    kid TEXT NOT NULL,
    kind TEXT NOT NULL,
    mac BLOB NOT NULL, -- of the normalised value
    sealed BLOB NOT NULL, -- the value, encrypted under the kid's key
    label TEXT, -- what stands in the compact token
    created_at INTEGER NOT NULL, -- in seconds
    PRIMARY KEY (agent, scope, kid, kind, mac)
) STRICT, WITHOUT ROWID;

-- No label of a call stands for two values.
CREATE UNIQUE INDEX vault_labels ON vault (agent, scope, kind, label) WHERE label IS NOT NULL;
