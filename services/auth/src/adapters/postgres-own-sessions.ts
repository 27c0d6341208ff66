import type { Database } from "@weft/mesh";
import type { OpenSession, SessionStore } from "../domain/ports.ts";

const listOpen = `
  SELECT id, user_agent, address, opened_at, last_used_at, expires_at FROM sessions
  WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
  ORDER BY last_used_at DESC, id`;

const findOwn = `SELECT opened_at, second_factor_at, device_hash FROM sessions WHERE id = $1 AND user_id = $2`;

// Whoever ends a session may have lost the device: it has to prove itself again, unless it is the caller's own.
const endAndForgetDevice = `
  WITH ended AS (
    UPDATE sessions SET ended_at = $3, end_reason = $4
    WHERE id = $1 AND user_id = $2 AND ended_at IS NULL
    RETURNING id, user_id, device_hash
  ), forgotten AS (
    DELETE FROM devices d USING ended e WHERE d.user_id = e.user_id AND d.device_hash = e.device_hash
  )
  SELECT id FROM ended`;

const endOthers = `
  WITH kept AS (
    SELECT device_hash FROM sessions WHERE id = $1
  ), forgotten AS (
    DELETE FROM devices WHERE user_id = $2 AND device_hash NOT IN (SELECT device_hash FROM kept WHERE device_hash IS NOT NULL)
  )
  UPDATE sessions SET ended_at = $3, end_reason = $4
  WHERE user_id = $2 AND id <> $1 AND ended_at IS NULL AND expires_at > $3
  RETURNING id`;

const endOldest = `
  UPDATE sessions SET ended_at = $3, end_reason = 'too_many_sessions'
  WHERE id IN (
    SELECT id FROM sessions WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $3
    ORDER BY last_used_at DESC, id OFFSET $2
  )
  RETURNING id`;

interface SessionRow {
  id: string;
  user_agent: string;
  address: string;
  opened_at: Date;
  last_used_at: Date;
  expires_at: Date;
}

interface OwnRow {
  opened_at: Date;
  second_factor_at: Date | null;
  device_hash: Uint8Array | null;
}

/** What users see and do of their own sessions; a part of the session store. */
export function createOwnSessions(
  database: Database,
): Pick<SessionStore, "listOpen" | "findOwn" | "endAndForgetDevice" | "endOthers" | "endOldest"> {
  const ids = async (name: string, text: string, values: unknown[]): Promise<readonly string[]> =>
    (await database.query<{ id: string }>({ name, text }, values)).map((row) => row.id);
  return {
    async listOpen(userId, atMs) {
      const statement = { name: "list_open_sessions", text: listOpen };
      return (await database.query<SessionRow>(statement, [userId, new Date(atMs)])).map(openSession);
    },
    async findOwn(sessionId, userId) {
      const statement = { name: "find_own_session", text: findOwn };
      const [row] = await database.query<OwnRow>(statement, [sessionId, userId]);
      return (
        row && {
          openedAtMs: row.opened_at.getTime(),
          secondFactorAtMs: row.second_factor_at?.getTime(),
          deviceHash: row.device_hash ?? undefined,
        }
      );
    },
    async endAndForgetDevice({ sessionId, userId, reason, atMs }) {
      const ended = await ids("end_own_session", endAndForgetDevice, [sessionId, userId, new Date(atMs), reason]);
      return ended.length > 0;
    },
    endOthers: ({ sessionId, userId, reason, atMs }) =>
      ids("end_other_sessions", endOthers, [sessionId, userId, new Date(atMs), reason]),
    endOldest: (userId, most, atMs) => ids("end_oldest_sessions", endOldest, [userId, most, new Date(atMs)]),
  };
}

function openSession(row: SessionRow): OpenSession {
  return {
    sessionId: row.id,
    userAgent: row.user_agent,
    address: row.address,
    openedAtMs: row.opened_at.getTime(),
    lastUsedAtMs: row.last_used_at.getTime(),
    expiresAtMs: row.expires_at.getTime(),
  };
}
