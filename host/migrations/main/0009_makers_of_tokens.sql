-- The token that a token was made with: it ends with that one. NULL: a person in a browser or the command line made it, or
-- it is older than this column.
ALTER TABLE api_tokens ADD COLUMN made_with TEXT REFERENCES api_tokens (id);
CREATE INDEX api_tokens_by_maker ON api_tokens (made_with) WHERE made_with IS NOT NULL;
CREATE INDEX api_tokens_by_user ON api_tokens (created_by) WHERE created_by IS NOT NULL;
