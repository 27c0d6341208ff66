/**
 * API keys in PostgreSQL. Whatever adds, and whatever closes an account, locks the row of the owner's account first: so
 * two that add at once cannot both be the fiftieth, and a key that is made beside the deletion of its owner is either
 * found by it and revoked, or not made. The lock is taken by a statement of its own, as one that counts in the same
 * statement would count what there was before it waited.
 */
import type { Database, Queryable } from "@weft/mesh";
import type { ApiKey, ApiKeyStore } from "../domain/api-key-ports.ts";
import { lockActiveAccount } from "./postgres-account-lock.ts";
import type { EndedSessions } from "./revocation-publisher.ts";

const isOwned = `SELECT 1 FROM service_accounts WHERE user_id = $1 AND owner_id = $2`;
const countGood = `
  SELECT count(*)::int AS count FROM api_keys WHERE owner_id = $1 AND revoked_at IS NULL AND expires_at > $2`;
const insert = `
  INSERT INTO api_keys (id, key_hash, owner_id, subject_id, name, scopes, created_at, expires_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`;
const columns = `
  id, owner_id, subject_id, name, scopes, created_at, expires_at, last_used_at, revoked_at`;
const findByHash = `SELECT ${columns} FROM api_keys WHERE key_hash = $1`;
const list = `
  SELECT ${columns} FROM api_keys WHERE owner_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id LIMIT 200`;
// What the row was before stands in the answer: an UPDATE alone returns what it has become.
const revoke = `
  WITH before AS (SELECT id, revoked_at FROM api_keys WHERE id = $1 AND owner_id = $2 FOR UPDATE)
  UPDATE api_keys SET revoked_at = coalesce(before.revoked_at, $3::timestamptz)
  FROM before WHERE api_keys.id = before.id
  RETURNING before.revoked_at IS NULL AS revoked`;
const revokeOfOwner = `
  UPDATE api_keys SET revoked_at = $2 WHERE owner_id = $1 AND revoked_at IS NULL RETURNING id`;
const revokeOfSubject = `
  UPDATE api_keys SET revoked_at = $2 WHERE subject_id = $1 AND revoked_at IS NULL RETURNING id`;
const isLive = `SELECT 1 FROM api_keys WHERE id = $1 AND revoked_at IS NULL AND expires_at > $2`;
const noteUse = `
  WITH before AS (
    SELECT id, $3 = ANY (networks) AS known FROM api_keys
    WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - interval '1 minute' OR $3 <> ALL (networks))
    FOR UPDATE
  )
  UPDATE api_keys SET
    last_used_at = greatest(last_used_at, $2::timestamptz),
    networks = CASE WHEN before.known THEN networks ELSE (array_append(networks, $3))[greatest(1, cardinality(networks) - 18):] END
  FROM before WHERE api_keys.id = before.id
  RETURNING NOT before.known AS new_network`;
const unannounced = `
  SELECT id, revoked_at FROM api_keys WHERE revoked_at >= $1 AND announced_at IS NULL ORDER BY revoked_at LIMIT $2`;
const revokedSince = `SELECT id, revoked_at FROM api_keys WHERE revoked_at >= $1`;
const markAnnounced = `UPDATE api_keys SET announced_at = $2 WHERE id = ANY($1)`;
const removeOld = `DELETE FROM api_keys WHERE expires_at < $1 OR revoked_at < $1`;

/** As long as the trail of security events, so that what is in it has a name. */
const keptMs = 90 * 24 * 3_600_000;

interface KeyRow {
  id: string;
  owner_id: string;
  subject_id: string;
  name: string;
  scopes: string[];
  created_at: Date;
  expires_at: Date;
  last_used_at: Date | null;
  revoked_at: Date | null;
}

/** Also tells which keys were revoked, for their announcement, and removes what is past every use. */
export type PostgresApiKeyStore = ApiKeyStore & EndedSessions & { removeOld(nowMs: number): Promise<void> };

export function createPostgresApiKeyStore(database: Database): PostgresApiKeyStore {
  const run = <R extends object>(name: string, text: string, values: unknown[]): Promise<readonly R[]> =>
    database.query<R>({ name, text }, values);
  return {
    add: ({ id, ownerId, subjectId, name, scopes, createdAtMs, expiresAtMs }, hash, most) =>
      database.transaction(async (transaction) => {
        if (!(await lockActiveAccount(transaction, ownerId))) {
          return "owner_unknown";
        }
        const owned = { name: "service_account_is_owned", text: isOwned };
        if (subjectId !== ownerId && (await transaction.query(owned, [subjectId, ownerId])).length === 0) {
          return "owner_unknown";
        }
        const counted = { name: "count_api_keys", text: countGood };
        const [row] = await transaction.query<{ count: number }>(counted, [ownerId, date(createdAtMs)]);
        if ((row?.count ?? 0) >= most) {
          return "too_many";
        }
        const values = [id, hash, ownerId, subjectId, name, [...scopes], date(createdAtMs), date(expiresAtMs)];
        await transaction.query({ name: "add_api_key", text: insert }, values);
        return "added";
      }),
    async findByHash(hash) {
      return (await run<KeyRow>("find_api_key", findByHash, [hash])).map(keyFrom)[0];
    },
    async list(ownerId) {
      return (await run<KeyRow>("list_api_keys", list, [ownerId])).map(keyFrom);
    },
    async revoke(keyId, ownerId, atMs) {
      const [row] = await run<{ revoked: boolean }>("revoke_api_key", revoke, [keyId, ownerId, date(atMs)]);
      return row?.revoked ?? "unknown";
    },
    async isLive(keyId, atMs) {
      return (await run("api_key_is_live", isLive, [keyId, date(atMs)])).length > 0;
    },
    async noteUse(keyId, network, atMs) {
      const values = [keyId, date(atMs), network];
      const [row] = await run<{ new_network: boolean }>("note_api_key_use", noteUse, values);
      return row?.new_network ?? false;
    },
    async unannounced(sinceMs, limit) {
      return (await run<RevokedRow>("unannounced_api_keys", unannounced, [date(sinceMs), limit])).map(endedFrom);
    },
    async endedSince(sinceMs) {
      return (await run<RevokedRow>("revoked_api_keys", revokedSince, [date(sinceMs)])).map(endedFrom);
    },
    async markAnnounced(keyIds, atMs) {
      await run("mark_api_keys_announced", markAnnounced, [[...keyIds], date(atMs)]);
    },
    async removeOld(nowMs) {
      await run("remove_old_api_keys", removeOld, [date(nowMs - keptMs)]);
    },
  };
}

/** Revokes every key that a user made; returns their ids. For the transaction that closes the account. */
export async function revokeKeysOfOwner(target: Queryable, ownerId: string, atMs: number): Promise<readonly string[]> {
  const statement = { name: "revoke_keys_of_owner", text: revokeOfOwner };
  return (await target.query<{ id: string }>(statement, [ownerId, date(atMs)])).map(({ id }) => id);
}

/** Revokes every key that acts as a service account; returns their ids. */
export async function revokeKeysOfSubject(target: Queryable, userId: string, atMs: number): Promise<readonly string[]> {
  const statement = { name: "revoke_keys_of_subject", text: revokeOfSubject };
  return (await target.query<{ id: string }>(statement, [userId, date(atMs)])).map(({ id }) => id);
}

interface RevokedRow {
  id: string;
  revoked_at: Date;
}

function endedFrom({ id, revoked_at }: RevokedRow): { sessionId: string; endedAtMs: number } {
  return { sessionId: id, endedAtMs: revoked_at.getTime() };
}

function keyFrom(row: KeyRow): ApiKey {
  return {
    id: row.id,
    ownerId: row.owner_id,
    subjectId: row.subject_id,
    name: row.name,
    scopes: row.scopes,
    createdAtMs: row.created_at.getTime(),
    expiresAtMs: row.expires_at.getTime(),
    lastUsedAtMs: row.last_used_at?.getTime(),
    revokedAtMs: row.revoked_at?.getTime(),
  };
}

function date(ms: number): Date {
  return new Date(ms);
}
