-- What the operator recorded of the agreements with an agent's voice platform and LLM provider, JSON.
ALTER TABLE agents ADD COLUMN agreements TEXT;
