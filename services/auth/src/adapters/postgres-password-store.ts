import type { Database } from "@weft/mesh";
import type { PasswordStore } from "../domain/ports.ts";
import { endSessionsOfUser, insertSession } from "./postgres-session-store.ts";
import { removeUnprovedWaysIn } from "./postgres-takeover.ts";

const setPassword = `
  UPDATE accounts SET password_hash = $2 WHERE user_id = $1 AND state = 'active' RETURNING user_id`;
const takeToken = `
  DELETE FROM mailed_tokens
  WHERE user_id = $1 AND purpose = 'reset_password' AND token_hash = $2 AND expires_at > $3
  RETURNING address`;
const forgetTokens = `DELETE FROM mailed_tokens WHERE user_id = $1 AND purpose = 'reset_password'`;
const setVerified = `UPDATE accounts SET verified_email = $2 WHERE user_id = $1`;
const forgetDevices = `DELETE FROM devices WHERE user_id = $1 AND device_hash IS DISTINCT FROM $2::bytea`;

/** The account's row is changed first: a login that meets the change waits for it, and then opens a session or ends with the rest. */
export function createPostgresPasswordStore(database: Database): PasswordStore {
  return {
    change: ({ userId, passwordHash, reason, atMs, session, tokenHash }) =>
      database.transaction(async (transaction) => {
        let proven: string | undefined;
        if (tokenHash !== undefined) {
          const values = [userId, tokenHash, new Date(atMs)];
          const statement = { name: "take_reset_token", text: takeToken };
          proven = (await transaction.query<{ address: string }>(statement, values))[0]?.address;
          if (proven === undefined) {
            return undefined;
          }
        }
        const set = await transaction.query({ name: "set_password", text: setPassword }, [userId, passwordHash]);
        if (set.length === 0) {
          return undefined;
        }
        let revoked: readonly string[] = [];
        if (proven !== undefined) {
          revoked = await removeUnprovedWaysIn(transaction, userId, proven, atMs);
          await transaction.query({ name: "set_verified_email", text: setVerified }, [userId, proven]);
        }
        await transaction.query({ name: "forget_reset_tokens", text: forgetTokens }, [userId]);
        const ended = await endSessionsOfUser(transaction, { userId, reason, atMs });
        const kept = session?.deviceHash ?? null;
        await transaction.query({ name: "forget_devices", text: forgetDevices }, [userId, kept]);
        if (session !== undefined) {
          await insertSession(transaction, session);
        }
        return [...ended, ...revoked];
      }),
  };
}
