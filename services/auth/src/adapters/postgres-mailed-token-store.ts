import type { Database } from "@weft/mesh";
import type { AddressStore, MailedTokenStore } from "../domain/mail-ports.ts";

const put = `
  INSERT INTO mailed_tokens (user_id, purpose, token_hash, address, expires_at)
  SELECT user_id, $2::text, $3::bytea, $4::text, $5::timestamptz FROM accounts WHERE user_id = $1 AND state = 'active'
  ON CONFLICT (user_id, purpose) DO UPDATE
  SET token_hash = excluded.token_hash, address = excluded.address, expires_at = excluded.expires_at`;
const find = `
  SELECT user_id, address, expires_at FROM mailed_tokens
  WHERE token_hash = $1 AND purpose = $2 AND expires_at > $3`;
const take = `DELETE FROM mailed_tokens WHERE token_hash = $1 AND purpose = $2 RETURNING user_id`;
const removeOld = `DELETE FROM mailed_tokens WHERE expires_at < $1`;
const verifiedEmail = `SELECT verified_email FROM accounts WHERE user_id = $1`;
const setVerifiedEmail = `UPDATE accounts SET verified_email = $2 WHERE user_id = $1`;

interface TokenRow {
  user_id: string;
  address: string;
  expires_at: Date;
}

/** Also removes tokens that are too old. */
export function createPostgresMailedTokenStore(
  database: Database,
): MailedTokenStore & { removeOld(nowMs: number): Promise<void> } {
  return {
    async put({ userId, purpose, tokenHash, address, expiresAtMs }) {
      const values = [userId, purpose, tokenHash, address, new Date(expiresAtMs)];
      await database.query({ name: "put_mailed_token", text: put }, values);
    },
    async find(purpose, tokenHash, atMs) {
      const statement = { name: "find_mailed_token", text: find };
      const [row] = await database.query<TokenRow>(statement, [tokenHash, purpose, new Date(atMs)]);
      if (row === undefined) {
        return undefined;
      }
      const { user_id: userId, address, expires_at: expiresAt } = row;
      return { userId, purpose, tokenHash, address, expiresAtMs: expiresAt.getTime() };
    },
    async take({ tokenHash, purpose }) {
      return (await database.query({ name: "take_mailed_token", text: take }, [tokenHash, purpose])).length > 0;
    },
    async removeOld(nowMs) {
      await database.query({ name: "remove_old_mailed_tokens", text: removeOld }, [new Date(nowMs)]);
    },
  };
}

export function createPostgresAddressStore(database: Database): AddressStore {
  return {
    async verifiedEmail(userId) {
      const statement = { name: "find_verified_email", text: verifiedEmail };
      return (
        (await database.query<{ verified_email: string | null }>(statement, [userId]))[0]?.verified_email ?? undefined
      );
    },
    async setVerifiedEmail(userId, address) {
      await database.query({ name: "set_verified_email_of", text: setVerifiedEmail }, [userId, address]);
    },
  };
}
