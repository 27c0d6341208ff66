-- Up Migration

-- Who at a provider may log in to which account. A subject is only unique within its issuer, and nothing else of what a
-- provider says names a person: addresses change hands.
CREATE TABLE provider_identities (
  issuer text NOT NULL,
  subject text NOT NULL,
  user_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  email text NOT NULL,
  linked_at timestamptz NOT NULL,
  last_used_at timestamptz,
  PRIMARY KEY (issuer, subject),
  UNIQUE (user_id, issuer)
);

-- Logins that a provider has still to answer; those of a link belong to a session. What the provider is sent (state, nonce,
-- proof key) is derived from the token whose SHA-256 this is, so nothing here finishes one.
CREATE TABLE provider_logins (
  token_hash bytea PRIMARY KEY,
  provider text NOT NULL,
  redirect_uri text NOT NULL,
  user_id text REFERENCES accounts (user_id) ON DELETE CASCADE,
  session_id text,
  expires_at timestamptz NOT NULL,
  CHECK ((user_id IS NULL) = (session_id IS NULL))
);
CREATE INDEX provider_logins_by_age ON provider_logins (expires_at);

-- Decisions about permissions stand in the trail of security events and are found by whom or what they are about.
CREATE INDEX security_events_decisions ON security_events (id)
  WHERE event IN ('permission_denied', 'permission_by_admin', 'role_granted', 'role_revoked');
CREATE INDEX security_events_of_resource ON security_events ((facts ->> 'resource'), id)
  WHERE event IN ('permission_denied', 'permission_by_admin', 'role_granted', 'role_revoked');

-- Down Migration

DROP INDEX security_events_of_resource;
DROP INDEX security_events_decisions;
DROP TABLE provider_logins;
DROP TABLE provider_identities;
