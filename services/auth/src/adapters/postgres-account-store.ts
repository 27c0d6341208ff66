/**
 * Credentials in PostgreSQL. The state of an account only moves forward: pending becomes active or abandoned, active
 * becomes abandoned, and each statement demands the state it starts from, so an activation and a sweep that meet cannot
 * both succeed. Closing an account changes its row first: sessions and grants are only made under a lock on an active
 * row, so what was made before is found by the statements that follow, and nothing is made after.
 */
import type { Database } from "@weft/mesh";
import type { AccountStore } from "../domain/ports.ts";
import { revokeKeysOfOwner } from "./postgres-api-key-store.ts";
import { removeFactorsOfUser } from "./postgres-factor-store.ts";
import { insertFirstIdentity, removeIdentitiesOfUser } from "./postgres-provider-store.ts";
import { removeServiceAccountsOf } from "./postgres-service-account-store.ts";
import { endSessionsOfUser, insertSession } from "./postgres-session-store.ts";

const begin = `INSERT INTO accounts (user_id, password_hash, state, began_at) VALUES ($1, $2, 'pending', $3)`;
const activate = `
  UPDATE accounts SET state = 'active', verified_email = $2 WHERE user_id = $1 AND state = 'pending' RETURNING user_id`;
// No hash is kept of an account that is closed; nothing verifies against an empty one.
const close = `UPDATE accounts SET state = 'abandoned', password_hash = '' WHERE user_id = $1 AND state = 'active'`;
const removeGrants = `DELETE FROM grants WHERE user_id = $1`;
const abandon = `
  UPDATE accounts SET state = 'abandoned' WHERE user_id = $1 AND state IN ('pending', 'abandoned') RETURNING user_id`;
// Skips what another instance is sweeping at this moment.
const abandonOlderThan = `
  UPDATE accounts SET state = 'abandoned'
  WHERE user_id IN (
    SELECT user_id FROM accounts WHERE state <> 'active' AND began_at < $1
    ORDER BY began_at LIMIT $2 FOR UPDATE SKIP LOCKED
  )
  RETURNING user_id`;
const forget = `DELETE FROM accounts WHERE user_id = $1 AND state = 'abandoned'`;
// An empty one stands for none.
const findPasswordHash = `
  SELECT password_hash FROM accounts WHERE user_id = $1 AND state = 'active' AND password_hash <> ''`;
const isActive = `SELECT 1 FROM accounts WHERE user_id = $1 AND state = 'active'`;

export function createPostgresAccountStore(database: Database): AccountStore {
  return {
    async begin({ userId, passwordHash, beganAtMs }) {
      await database.query({ name: "begin_account", text: begin }, [userId, passwordHash, new Date(beganAtMs)]);
    },
    activate: (session, identity) =>
      database.transaction(async (transaction) => {
        const { userId, openedAtMs } = session;
        const verified = identity?.emailVerified === true ? identity.email : null;
        const rows = await transaction.query({ name: "activate_account", text: activate }, [userId, verified]);
        if (rows.length > 0) {
          if (identity !== undefined) {
            await insertFirstIdentity(transaction, userId, identity, openedAtMs);
          }
          await insertSession(transaction, session);
        }
        return rows.length > 0;
      }),
    close: (userId, atMs) =>
      database.transaction(async (transaction) => {
        await transaction.query({ name: "close_account", text: close }, [userId]);
        await transaction.query({ name: "remove_grants_of_user", text: removeGrants }, [userId]);
        await removeFactorsOfUser(transaction, userId);
        await removeIdentitiesOfUser(transaction, userId);
        await removeServiceAccountsOf(transaction, userId);
        const keys = await revokeKeysOfOwner(transaction, userId, atMs);
        const sessions = await endSessionsOfUser(transaction, { userId, reason: "account_deleted", atMs });
        return [...sessions, ...keys];
      }),
    async abandon(userId) {
      return (await database.query({ name: "abandon_account", text: abandon }, [userId])).length > 0;
    },
    async abandonOlderThan(beforeMs, limit) {
      const statement = { name: "abandon_old_accounts", text: abandonOlderThan };
      const rows = await database.query<{ user_id: string }>(statement, [new Date(beforeMs), limit]);
      return rows.map((row) => row.user_id);
    },
    async forget(userId) {
      await database.query({ name: "forget_account", text: forget }, [userId]);
    },
    async findPasswordHash(userId) {
      const statement = { name: "find_password_hash", text: findPasswordHash };
      return (await database.query<{ password_hash: string }>(statement, [userId]))[0]?.password_hash;
    },
    async isActive(userId) {
      return (await database.query({ name: "account_is_active", text: isActive }, [userId])).length > 0;
    },
  };
}
