-- Up Migration

-- What a used token was exchanged for. The successor itself is not kept: whoever presents the used token again lets it be
-- derived from that token and the salt. A used token without a successor was voided, and nobody may present it again.
ALTER TABLE refresh_tokens
  ADD COLUMN successor_salt bytea,
  ADD COLUMN successor_hash bytea,
  ADD COLUMN lost_answers integer NOT NULL DEFAULT 0,
  ADD CHECK ((successor_salt IS NULL) = (successor_hash IS NULL)),
  ADD CHECK (successor_hash IS NULL OR used_at IS NOT NULL);

-- Down Migration

ALTER TABLE refresh_tokens
  DROP COLUMN successor_salt,
  DROP COLUMN successor_hash,
  DROP COLUMN lost_answers;
