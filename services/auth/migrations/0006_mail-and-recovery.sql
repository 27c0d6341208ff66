-- Up Migration

-- The address that the account proved to own; mail about its safety goes there, whatever its profile says.
ALTER TABLE accounts ADD COLUMN verified_email text;

-- What is sent by mail; only the SHA-256 of it is kept, and of each purpose one per account.
CREATE TABLE mailed_tokens (
  user_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  purpose text NOT NULL CHECK (purpose IN ('verify_email', 'reset_password')),
  token_hash bytea NOT NULL UNIQUE,
  address text NOT NULL,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, purpose)
);
CREATE INDEX mailed_tokens_by_age ON mailed_tokens (expires_at);

-- Down Migration

DROP TABLE mailed_tokens;
ALTER TABLE accounts DROP COLUMN verified_email;
