-- Up Migration

-- Users that are programs. Each has an account, so that it can be given roles; its password hash is empty, against which
-- nothing verifies.
CREATE TABLE service_accounts (
  user_id text PRIMARY KEY REFERENCES accounts (user_id) ON DELETE CASCADE,
  owner_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  UNIQUE (owner_id, name)
);

-- Only the SHA-256 of a key is kept. Keys outlive the accounts they belong to, revoked, as sessions do: the revocation
-- index is filled from them.
CREATE TABLE api_keys (
  id text PRIMARY KEY,
  key_hash bytea NOT NULL UNIQUE,
  owner_id text NOT NULL,
  subject_id text NOT NULL,
  name text NOT NULL,
  scopes text[] NOT NULL CHECK (cardinality(scopes) > 0),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  last_used_at timestamptz,
  -- The networks it was used from lately, the newest last.
  networks text[] NOT NULL DEFAULT '{}',
  revoked_at timestamptz,
  announced_at timestamptz
);
CREATE INDEX api_keys_of_owner ON api_keys (owner_id, created_at);
CREATE INDEX api_keys_of_subject ON api_keys (subject_id);
CREATE INDEX api_keys_revoked ON api_keys (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX api_keys_expiring ON api_keys (expires_at);

-- Down Migration

DROP TABLE api_keys;
DELETE FROM accounts WHERE user_id IN (SELECT user_id FROM service_accounts);
DROP TABLE service_accounts;
