-- Up Migration

-- The sessions of a deleted account stay, ended, as long as those of any other: while an access token of theirs may live,
-- the revocation index has to be filled from them again when Redis comes back empty. That a session is only opened for
-- an account that exists is demanded by the statement that opens it.
ALTER TABLE sessions DROP CONSTRAINT sessions_user_id_fkey;

-- Down Migration

DELETE FROM sessions WHERE user_id NOT IN (SELECT user_id FROM accounts);
ALTER TABLE sessions
  ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES accounts (user_id) ON DELETE CASCADE;
