-- The kid whose key seals the value, where that is not the token's: keys were rotated.
ALTER TABLE vault ADD COLUMN sealed_by TEXT;
