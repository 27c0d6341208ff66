-- Up Migration

-- Credentials of users; who they are is the user service's matter. A signup that is under way, or was given up, is a row
-- that is not active: nobody can log in to it, and the sweep removes what it left behind.
CREATE TABLE accounts (
  user_id text PRIMARY KEY,
  password_hash text NOT NULL,
  state text NOT NULL CHECK (state IN ('pending', 'active', 'abandoned')),
  began_at timestamptz NOT NULL
);
CREATE INDEX accounts_unfinished ON accounts (began_at) WHERE state <> 'active';

CREATE TABLE sessions (
  id text PRIMARY KEY,
  user_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  opened_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  ended_at timestamptz,
  end_reason text,
  announced_at timestamptz,
  CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_of_user ON sessions (user_id);
CREATE INDEX sessions_expiring ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Only the SHA-256 of a token is kept: a copy of this table logs nobody in.
CREATE TABLE refresh_tokens (
  token_hash bytea PRIMARY KEY,
  session_id text NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
  issued_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens (session_id);

-- Down Migration

DROP TABLE refresh_tokens;
DROP TABLE sessions;
DROP TABLE accounts;
