-- Up Migration

-- When the session proved a second factor; NULL for one that rests on a password alone.
ALTER TABLE sessions ADD COLUMN second_factor_at timestamptz;

-- Authenticator apps: one that is in use, and one that is being set up beside it. The secret is sealed with a key that is
-- not in this database. `last_step` is the newest time step whose code was accepted: no older one is, and none twice.
CREATE TABLE totp_factors (
  user_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  confirmed boolean NOT NULL,
  sealed_secret bytea NOT NULL,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz,
  last_step bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, confirmed)
);

-- Only the SHA-256 of a code is kept, until it is used.
CREATE TABLE recovery_codes (
  user_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  code_hash bytea NOT NULL,
  PRIMARY KEY (user_id, code_hash)
);

CREATE TABLE passkeys (
  id text PRIMARY KEY,
  user_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  credential_id text NOT NULL UNIQUE,
  public_key bytea NOT NULL,
  counter bigint NOT NULL,
  transports text[] NOT NULL,
  backed_up boolean NOT NULL,
  name text NOT NULL,
  created_at timestamptz NOT NULL,
  last_used_at timestamptz
);
CREATE INDEX passkeys_of_user ON passkeys (user_id);

-- What is waited for an answer to; only the SHA-256 of it is kept. `proven_by` is the SHA-256 of the password hash that
-- the account had at the first step of a login: another password makes the challenge void.
CREATE TABLE login_challenges (
  challenge_hash bytea PRIMARY KEY,
  purpose text NOT NULL CHECK (purpose IN ('second_factor', 'passkey_login', 'passkey_registration')),
  user_id text REFERENCES accounts (user_id) ON DELETE CASCADE,
  proven_by bytea,
  expires_at timestamptz NOT NULL,
  CHECK ((user_id IS NULL) = (purpose = 'passkey_login')),
  CHECK ((proven_by IS NULL) = (purpose <> 'second_factor'))
);
CREATE INDEX login_challenges_by_age ON login_challenges (expires_at);

-- Down Migration

DROP TABLE login_challenges;
DROP TABLE passkeys;
DROP TABLE recovery_codes;
DROP TABLE totp_factors;
ALTER TABLE sessions DROP COLUMN second_factor_at;
