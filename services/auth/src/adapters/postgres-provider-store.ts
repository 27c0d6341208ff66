/**
 * Identities at providers, and logins that providers have still to answer. Whatever adds or takes a way into an account holds
 * its row: two that take one each, at once, cannot both find the other's still there.
 */
import type { Database, Queryable } from "@weft/mesh";
import { AuthError } from "../domain/errors.ts";
import type { DanceStore, FirstIdentity, IdentityStore, LinkedIdentity } from "../domain/provider-ports.ts";
import { lockActiveAccount } from "./postgres-account-lock.ts";
import { isLetInBeside } from "./postgres-ways-in.ts";

const putDance = `
  INSERT INTO provider_logins (token_hash, provider, redirect_uri, user_id, session_id, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6)`;
const takeDance = `
  DELETE FROM provider_logins WHERE token_hash = $1 AND expires_at > $2
  RETURNING provider, redirect_uri, user_id, session_id, expires_at`;
const removeOldDances = `DELETE FROM provider_logins WHERE expires_at < $1`;

const use = `
  UPDATE provider_identities i SET last_used_at = $3
  FROM accounts a
  WHERE i.issuer = $1 AND i.subject = $2 AND a.user_id = i.user_id AND a.state = 'active'
  RETURNING i.user_id`;
const insert = `
  INSERT INTO provider_identities (issuer, subject, user_id, email, linked_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT DO NOTHING RETURNING user_id`;
const conflicting = `
  SELECT issuer, subject, user_id FROM provider_identities
  WHERE (issuer = $1 AND subject = $2) OR (user_id = $3 AND issuer = $1)`;
const list = `
  SELECT issuer, subject, user_id, email, linked_at, last_used_at FROM provider_identities
  WHERE user_id = $1 ORDER BY linked_at, issuer`;
const isLinked = `SELECT 1 FROM provider_identities WHERE user_id = $1 AND issuer = $2`;
const remove = `DELETE FROM provider_identities WHERE user_id = $1 AND issuer = $2`;
const removeAll = `DELETE FROM provider_identities WHERE user_id = $1`;

interface DanceRow {
  provider: string;
  redirect_uri: string;
  user_id: string | null;
  session_id: string | null;
  expires_at: Date;
}

interface IdentityRow {
  issuer: string;
  subject: string;
  user_id: string;
  email: string;
  linked_at: Date;
  last_used_at: Date | null;
}

/** Also removes logins that nobody finished in time. */
export function createPostgresDanceStore(database: Database): DanceStore & { removeOld(nowMs: number): Promise<void> } {
  return {
    async put({ tokenHash, provider, redirectUri, owner, expiresAtMs }) {
      const values = [tokenHash, provider, redirectUri, owner?.userId, owner?.sessionId, new Date(expiresAtMs)];
      await database.query({ name: "put_provider_login", text: putDance }, values);
    },
    async take(tokenHash, atMs) {
      const statement = { name: "take_provider_login", text: takeDance };
      const [row] = await database.query<DanceRow>(statement, [tokenHash, new Date(atMs)]);
      if (row === undefined) {
        return undefined;
      }
      const { provider, redirect_uri: redirectUri, user_id: userId, session_id: sessionId, expires_at } = row;
      const owner = userId === null || sessionId === null ? undefined : { userId, sessionId };
      return { tokenHash, provider, redirectUri, owner, expiresAtMs: expires_at.getTime() };
    },
    async removeOld(nowMs) {
      await database.query({ name: "remove_old_provider_logins", text: removeOldDances }, [new Date(nowMs)]);
    },
  };
}

export function createPostgresIdentityStore(database: Database): IdentityStore {
  return {
    async use({ issuer, subject }, atMs) {
      const statement = { name: "use_provider_identity", text: use };
      const values = [issuer, subject, new Date(atMs)];
      return (await database.query<{ user_id: string }>(statement, values))[0]?.user_id;
    },
    link: (identity) =>
      database.transaction(async (transaction) => {
        const { issuer, subject, userId, email, linkedAtMs } = identity;
        if (!(await lockActiveAccount(transaction, userId))) {
          throw new AuthError("user_unknown", "the account is closed");
        }
        const values = [issuer, subject, userId, email, new Date(linkedAtMs)];
        if ((await transaction.query({ name: "link_provider_identity", text: insert }, values)).length > 0) {
          return "linked";
        }
        const statement = { name: "find_conflicting_identity", text: conflicting };
        const rows = await transaction.query<IdentityRow>(statement, [issuer, subject, userId]);
        const same = rows.find((row) => row.subject === subject);
        return same === undefined ? "other" : same.user_id === userId ? "known" : "taken";
      }),
    async list(userId) {
      const rows = await database.query<IdentityRow>({ name: "list_provider_identities", text: list }, [userId]);
      return rows.map(linkedIdentity);
    },
    unlink: (userId, issuer, usable) =>
      database.transaction(async (transaction) => {
        const active = await lockActiveAccount(transaction, userId);
        const linked = await transaction.query({ name: "identity_is_linked", text: isLinked }, [userId, issuer]);
        if (!active || linked.length === 0) {
          return "absent";
        }
        if (!(await isLetInBeside(transaction, userId, { passkeyId: "", issuer }, usable))) {
          return "last";
        }
        await transaction.query({ name: "unlink_provider_identity", text: remove }, [userId, issuer]);
        return "removed";
      }),
  };
}

/** The identity that an account begins with, in the transaction that activates it; throws "identity_taken". */
export async function insertFirstIdentity(
  target: Queryable,
  userId: string,
  { issuer, subject, email }: FirstIdentity,
  atMs: number,
): Promise<void> {
  const values = [issuer, subject, userId, email, new Date(atMs)];
  if ((await target.query({ name: "link_provider_identity", text: insert }, values)).length === 0) {
    throw new AuthError("identity_taken", "this login is linked to another account");
  }
}

/** For the transaction that closes an account, or gives it to another: the person may begin one with the same identity. */
export async function removeIdentitiesOfUser(target: Queryable, userId: string): Promise<void> {
  await target.query({ name: "remove_provider_identities", text: removeAll }, [userId]);
}

function linkedIdentity(row: IdentityRow): LinkedIdentity {
  const { issuer, subject, user_id: userId, email, linked_at, last_used_at } = row;
  const lastUsedAtMs = last_used_at?.getTime();
  return { issuer, subject, userId, email, linkedAtMs: linked_at.getTime(), lastUsedAtMs };
}
