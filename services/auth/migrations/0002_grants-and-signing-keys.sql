-- Up Migration

CREATE TABLE grants (
  user_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  resource text NOT NULL,
  role text NOT NULL CHECK (role IN ('owner', 'editor', 'viewer')),
  granted_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, resource)
);
-- text_pattern_ops: a kind of resource ("project:") is found by its prefix.
CREATE INDEX grants_on_resource ON grants (resource text_pattern_ops);

-- The private half is sealed with a key that is not in this database.
CREATE TABLE signing_keys (
  kid text PRIMARY KEY,
  created_at timestamptz NOT NULL,
  public_jwk jsonb NOT NULL,
  sealed_private_jwk bytea NOT NULL
);

-- Down Migration

DROP TABLE signing_keys;
DROP TABLE grants;
