/**
 * Challenges in PostgreSQL. That of a second step is made under a lock on its account with the password that was right, and
 * found only while the account still has that password: so a change of the password voids it, whichever comes first. No
 * copy of the password's hash is kept for that, only a hash of it.
 */
import { createHash } from "node:crypto";
import type { Database } from "@weft/mesh";
import type { ChallengeStore } from "../domain/factor-ports.ts";

const put = `
  INSERT INTO login_challenges (challenge_hash, purpose, user_id, expires_at) VALUES ($1, $2, $3, $4)
  RETURNING purpose`;
const putSecondFactor = `
  WITH account AS (
    SELECT user_id FROM accounts WHERE user_id = $2 AND state = 'active' AND password_hash = $3 FOR SHARE
  )
  INSERT INTO login_challenges (challenge_hash, purpose, user_id, proven_by, expires_at)
  SELECT $1::bytea, 'second_factor', user_id, $4::bytea, $5::timestamptz FROM account
  RETURNING purpose`;
const findSecondFactor = `
  SELECT a.user_id, a.password_hash, c.proven_by
  FROM login_challenges c JOIN accounts a ON a.user_id = c.user_id AND a.state = 'active'
  WHERE c.challenge_hash = $1 AND c.purpose = 'second_factor' AND c.expires_at > $2`;
const take = `
  DELETE FROM login_challenges WHERE challenge_hash = $1 AND purpose = $2 AND expires_at > $3
  RETURNING coalesce(user_id, '') AS user_id`;
const removeOld = `DELETE FROM login_challenges WHERE expires_at < $1`;

interface StepRow {
  user_id: string;
  password_hash: string;
  proven_by: Uint8Array;
}

/** Also removes those that are too old. */
export function createPostgresChallengeStore(
  database: Database,
): ChallengeStore & { removeOld(nowMs: number): Promise<void> } {
  return {
    async put({ challengeHash, expiresAtMs, of }) {
      const expiresAt = new Date(expiresAtMs);
      if (of.purpose === "second_factor") {
        const values = [challengeHash, of.userId, of.passwordHash, digest(of.passwordHash), expiresAt];
        return (await database.query({ name: "put_second_step", text: putSecondFactor }, values)).length > 0;
      }
      const userId = of.purpose === "passkey_login" ? null : of.userId;
      const values = [challengeHash, of.purpose, userId, expiresAt];
      return (await database.query({ name: "put_challenge", text: put }, values)).length > 0;
    },
    async findSecondFactor(challengeHash, atMs) {
      const statement = { name: "find_second_step", text: findSecondFactor };
      const [row] = await database.query<StepRow>(statement, [challengeHash, new Date(atMs)]);
      return row === undefined || !digest(row.password_hash).equals(row.proven_by)
        ? undefined
        : { userId: row.user_id, passwordHash: row.password_hash };
    },
    async take(purpose, challengeHash, atMs) {
      const statement = { name: "take_challenge", text: take };
      const values = [challengeHash, purpose, new Date(atMs)];
      const [row] = await database.query<{ user_id: string }>(statement, values);
      return row && { userId: row.user_id };
    },
    async removeOld(nowMs) {
      await database.query({ name: "remove_old_challenges", text: removeOld }, [new Date(nowMs)]);
    },
  };
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
