import type { Queryable } from "@weft/mesh";

/*
 * What lets a user in by itself: a password, a passkey, an identity at a provider. One of a provider that is no longer
 * configured lets nobody in. Whoever takes a way away asks this under the lock of the account, so that two that take one each,
 * at once, cannot both find the other's still there.
 */
const otherWays = `
  SELECT 1 FROM accounts WHERE user_id = $1 AND password_hash <> ''
  UNION ALL SELECT 1 FROM passkeys WHERE user_id = $1 AND id <> $2
  UNION ALL SELECT 1 FROM provider_identities WHERE user_id = $1 AND issuer <> $3 AND issuer = ANY($4)
  LIMIT 1`;

export interface WayIn {
  /** Empty where it is none of these. */
  readonly passkeyId: string;
  readonly issuer: string;
}

/** Whether anything but this lets the user in; `usableIssuers` are those of the providers that are configured. */
export async function isLetInBeside(
  transaction: Queryable,
  userId: string,
  { passkeyId, issuer }: WayIn,
  usableIssuers: readonly string[],
): Promise<boolean> {
  const values = [userId, passkeyId, issuer, [...usableIssuers]];
  return (await transaction.query({ name: "find_other_ways_in", text: otherWays }, values)).length > 0;
}
