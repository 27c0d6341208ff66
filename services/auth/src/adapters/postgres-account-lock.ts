import type { Queryable } from "@weft/mesh";

const lockAccount = `SELECT 1 FROM accounts WHERE user_id = $1 AND state = 'active' FOR UPDATE`;

/**
 * Whether the account is active; then it cannot be closed, and nobody else who holds this adds to what it has (keys, factors,
 * service accounts), until the transaction ends.
 */
export async function lockActiveAccount(transaction: Queryable, userId: string): Promise<boolean> {
  return (await transaction.query({ name: "lock_active_account", text: lockAccount }, [userId])).length > 0;
}
