-- Up Migration

-- Where a session is used, for its owner to recognize it.
ALTER TABLE sessions
  ADD COLUMN user_agent text NOT NULL DEFAULT '',
  ADD COLUMN address text NOT NULL DEFAULT '',
  ADD COLUMN device_hash bytea,
  ADD COLUMN last_used_at timestamptz NOT NULL DEFAULT now();
UPDATE sessions SET last_used_at = opened_at;

-- Devices that an account was logged in from; the SHA-256 of a token that only the device has.
CREATE TABLE devices (
  user_id text NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
  device_hash bytea NOT NULL,
  first_seen_at timestamptz NOT NULL,
  last_seen_at timestamptz NOT NULL,
  PRIMARY KEY (user_id, device_hash)
);
CREATE INDEX devices_by_age ON devices (last_seen_at);

-- Down Migration

DROP TABLE devices;
ALTER TABLE sessions
  DROP COLUMN user_agent,
  DROP COLUMN address,
  DROP COLUMN device_hash,
  DROP COLUMN last_used_at;
