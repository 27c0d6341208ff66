import type { Database } from "@weft/mesh";
import type { Passkey, PasskeyStore } from "../domain/factor-ports.ts";
import { lockActiveAccount } from "./postgres-account-lock.ts";
import { addFirstFactorCodes, removeCodesWithLastFactor } from "./postgres-factor-store.ts";
import { isLetInBeside } from "./postgres-ways-in.ts";

const columns =
  "id, user_id, credential_id, public_key, counter, transports, backed_up, name, created_at, last_used_at";
const add = `
  INSERT INTO passkeys (id, user_id, credential_id, public_key, counter, transports, backed_up, name, created_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`;
const list = `SELECT ${columns} FROM passkeys WHERE user_id = $1 ORDER BY created_at, id`;
const find = `SELECT ${columns} FROM passkeys WHERE credential_id = $1`;
const count = `SELECT count(*)::int AS count FROM passkeys WHERE user_id = $1`;
// WebAuthn Level 3, 7.2 step 22: a counter that does not grow is a sign of a copied key, except where none is kept.
const claimUse = `
  UPDATE passkeys SET counter = $2, backed_up = $3, last_used_at = $4
  WHERE id = $1 AND ($2 > counter OR ($2 = 0 AND counter = 0))
  RETURNING id`;
const rename = `UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2 RETURNING ${columns}`;
const remove = `DELETE FROM passkeys WHERE id = $1 AND user_id = $2 RETURNING ${columns}`;

interface PasskeyRow {
  id: string;
  user_id: string;
  credential_id: string;
  public_key: Uint8Array;
  /** bigint */
  counter: string;
  transports: string[];
  backed_up: boolean;
  name: string;
  created_at: Date;
  last_used_at: Date | null;
}

/** Passkeys in PostgreSQL; who counts them or makes them the first or the last factor holds the lock on the account. */
/** `usableIssuers`: of the providers that can log people in, who then need no passkey for it. */
export function createPostgresPasskeyStore(database: Database, usableIssuers: readonly string[]): PasskeyStore {
  return {
    add: (passkey, most) =>
      database.transaction(async (transaction) => {
        const { id, userId, credentialId, publicKey, counter, transports, backedUp, name, createdAtMs } = passkey;
        if (!(await lockActiveAccount(transaction, userId))) {
          return "account_closed";
        }
        const known = await transaction.query({ name: "find_passkey", text: find }, [credentialId]);
        if (known.length > 0) {
          return "known";
        }
        const counting = { name: "count_passkeys", text: count };
        const [counted] = await transaction.query<{ count: number }>(counting, [userId]);
        if ((counted?.count ?? 0) >= most) {
          return "too_many";
        }
        const first = await addFirstFactorCodes(transaction, userId, passkey, createdAtMs);
        const facts = [credentialId, publicKey, counter, transports, backedUp, name, new Date(createdAtMs)];
        await transaction.query({ name: "add_passkey", text: add }, [id, userId, ...facts]);
        return { first };
      }),
    async list(userId) {
      return (await database.query<PasskeyRow>({ name: "list_passkeys", text: list }, [userId])).map(passkeyOf);
    },
    async find(credentialId) {
      const [row] = await database.query<PasskeyRow>({ name: "find_passkey", text: find }, [credentialId]);
      return row && passkeyOf(row);
    },
    async claimUse({ id, counter, backedUp, atMs }) {
      const values = [id, counter, backedUp, new Date(atMs)];
      return (await database.query({ name: "claim_passkey_use", text: claimUse }, values)).length > 0;
    },
    async rename(id, userId, name) {
      const [row] = await database.query<PasskeyRow>({ name: "rename_passkey", text: rename }, [id, userId, name]);
      return row && passkeyOf(row);
    },
    remove: (id, userId) =>
      database.transaction(async (transaction) => {
        await lockActiveAccount(transaction, userId);
        if (!(await isLetInBeside(transaction, userId, { passkeyId: id, issuer: "" }, usableIssuers))) {
          return "last";
        }
        const [row] = await transaction.query<PasskeyRow>({ name: "remove_passkey", text: remove }, [id, userId]);
        await removeCodesWithLastFactor(transaction, userId);
        return row && passkeyOf(row);
      }),
  };
}

function passkeyOf(row: PasskeyRow): Passkey {
  return {
    id: row.id,
    userId: row.user_id,
    credentialId: row.credential_id,
    publicKey: row.public_key,
    counter: Number(row.counter),
    transports: row.transports,
    backedUp: row.backed_up,
    name: row.name,
    createdAtMs: row.created_at.getTime(),
    lastUsedAtMs: row.last_used_at?.getTime(),
  };
}
