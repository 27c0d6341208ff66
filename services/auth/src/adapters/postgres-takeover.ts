import type { Transaction } from "@weft/mesh";
import { revokeKeysOfOwner } from "./postgres-api-key-store.ts";
import { removeFactorsOfUser } from "./postgres-factor-store.ts";
import { removeIdentitiesOfUser } from "./postgres-provider-store.ts";

const isUnproved = `SELECT 1 FROM accounts WHERE user_id = $1 AND verified_email IS DISTINCT FROM $2`;

/**
 * For the transaction in which a mailbox takes an account over, before its address is noted as proved. Whoever had the
 * account until then did not prove it, and may be somebody else who took the address in advance: they keep no way in, be it
 * a provider, a passkey or a key, and no second factor that would keep the owner of the mailbox out. Gives the revoked keys;
 * nothing where the address was proved before.
 */
export async function removeUnprovedWaysIn(
  transaction: Transaction,
  userId: string,
  address: string,
  atMs: number,
): Promise<readonly string[]> {
  const statement = { name: "address_is_unproved", text: isUnproved };
  if ((await transaction.query(statement, [userId, address])).length === 0) {
    return [];
  }
  await removeIdentitiesOfUser(transaction, userId);
  await removeFactorsOfUser(transaction, userId);
  return revokeKeysOfOwner(transaction, userId, atMs);
}
