-- The token that created a token, which is deleted with it. NULL: created in a browser or on the command line, or before this
-- column existed.
ALTER TABLE api_tokens ADD COLUMN made_with TEXT REFERENCES api_tokens (id);
CREATE INDEX api_tokens_by_maker ON api_tokens (made_with) WHERE made_with IS NOT NULL;
CREATE INDEX api_tokens_by_user ON api_tokens (created_by) WHERE created_by IS NOT NULL;
