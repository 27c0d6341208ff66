/** Service accounts in PostgreSQL; see `postgres-api-key-store.ts` for what is locked. */
import type { Database, Queryable } from "@weft/mesh";
import type { ServiceAccount, ServiceAccountStore } from "../domain/api-key-ports.ts";
import { lockActiveAccount } from "./postgres-account-lock.ts";
import { revokeKeysOfSubject } from "./postgres-api-key-store.ts";

const namesOf = `SELECT name FROM service_accounts WHERE owner_id = $1`;
const addAccount = `INSERT INTO accounts (user_id, password_hash, state, began_at) VALUES ($1, '', 'active', $2)`;
const add = `INSERT INTO service_accounts (user_id, owner_id, name, created_at) VALUES ($1, $2, $3, $4)`;
const list = `
  SELECT user_id, owner_id, name, created_at FROM service_accounts
  WHERE owner_id = $1 ORDER BY created_at DESC, user_id`;
const find = `SELECT user_id, owner_id, name, created_at FROM service_accounts WHERE user_id = $1`;
// The account goes, and with it its roles and what makes it a service account.
const remove = `
  DELETE FROM accounts USING service_accounts s
  WHERE accounts.user_id = s.user_id AND s.user_id = $1 AND s.owner_id = $2 RETURNING s.user_id`;
const removeOfOwner = `
  DELETE FROM accounts USING service_accounts s WHERE accounts.user_id = s.user_id AND s.owner_id = $1`;

interface AccountRow {
  user_id: string;
  owner_id: string;
  name: string;
  created_at: Date;
}

export function createPostgresServiceAccountStore(database: Database): ServiceAccountStore {
  return {
    add: ({ userId, ownerId, name, createdAtMs }, most) =>
      database.transaction(async (transaction) => {
        if (!(await lockActiveAccount(transaction, ownerId))) {
          return "owner_unknown";
        }
        const statement = { name: "names_of_service_accounts", text: namesOf };
        const names = await transaction.query<{ name: string }>(statement, [ownerId]);
        if (names.some((row) => row.name === name)) {
          return "name_taken";
        }
        if (names.length >= most) {
          return "too_many";
        }
        const createdAt = new Date(createdAtMs);
        await transaction.query({ name: "add_account_of_service", text: addAccount }, [userId, createdAt]);
        await transaction.query({ name: "add_service_account", text: add }, [userId, ownerId, name, createdAt]);
        return "added";
      }),
    async list(ownerId) {
      return (await database.query<AccountRow>({ name: "list_service_accounts", text: list }, [ownerId])).map(
        accountFrom,
      );
    },
    async find(userId) {
      return (await database.query<AccountRow>({ name: "find_service_account", text: find }, [userId])).map(
        accountFrom,
      )[0];
    },
    remove: (userId, ownerId, atMs) =>
      database.transaction(async (transaction) => {
        await lockActiveAccount(transaction, ownerId);
        const removed = await transaction.query({ name: "remove_service_account", text: remove }, [userId, ownerId]);
        return removed.length === 0 ? undefined : revokeKeysOfSubject(transaction, userId, atMs);
      }),
  };
}

/** Removes all of a user's service accounts with their roles. For the transaction that closes the account, which revokes their keys. */
export async function removeServiceAccountsOf(target: Queryable, ownerId: string): Promise<void> {
  await target.query({ name: "remove_service_accounts_of", text: removeOfOwner }, [ownerId]);
}

function accountFrom(row: AccountRow): ServiceAccount {
  return { userId: row.user_id, ownerId: row.owner_id, name: row.name, createdAtMs: row.created_at.getTime() };
}
