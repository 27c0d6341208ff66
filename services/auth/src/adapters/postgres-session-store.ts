/**
 * Sessions and refresh tokens in PostgreSQL. Rotation is one statement: the claim of the unused token and the row of its
 * successor succeed or fail together, and of two that race, the second waits for the row, sees it used and changes
 * nothing; the same holds for a successor that replaces one whose answer was lost. Every statement that hands out a token demands a session that has not ended, and opening one locks its account
 * as active and with the password that was right, so a login that meets the deletion of its account or a change of its
 * password either comes first and is ended by it, or opens nothing.
 */
import type { Database, Queryable } from "@weft/mesh";
import type { NewSession, SessionStore, Successor } from "../domain/ports.ts";
import type { RefreshState } from "../domain/refresh-policy.ts";
import { createBatchedLookup } from "./batched-lookup.ts";
import { createOwnSessions } from "./postgres-own-sessions.ts";
import type { EndedSessions } from "./revocation-publisher.ts";

const openSession = `
  WITH account AS (
    SELECT user_id FROM accounts
    WHERE user_id = $2 AND state = 'active' AND ($10::text IS NULL OR password_hash = $10)
    FOR SHARE
  ), opened AS (
    INSERT INTO sessions
      (id, user_id, opened_at, expires_at, last_used_at, user_agent, address, device_hash, second_factor_at)
    SELECT $1::text, user_id, $3::timestamptz, $4::timestamptz, $3::timestamptz, $7::text, $8::text, $9::bytea,
           $11::timestamptz
    FROM account
    RETURNING id, user_id
  ), proven AS (
    INSERT INTO devices (user_id, device_hash, first_seen_at, last_seen_at)
    SELECT user_id, $9::bytea, $3::timestamptz, $3::timestamptz FROM opened
    ON CONFLICT (user_id, device_hash) DO UPDATE SET last_seen_at = excluded.last_seen_at
  )
  INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at)
  SELECT $5::bytea, id, $3::timestamptz, $6::timestamptz FROM opened
  RETURNING session_id`;

const findByToken = `
  SELECT s.id AS session_id, s.user_id, t.used_at, t.successor_salt, t.lost_answers, t.expires_at AS token_expires_at,
         next.used_at AS successor_used_at, s.expires_at AS session_expires_at, s.ended_at
  FROM refresh_tokens t
  JOIN sessions s ON s.id = t.session_id
  LEFT JOIN refresh_tokens next ON next.token_hash = t.successor_hash
  WHERE t.token_hash = $1`;

const rotate = `
  WITH claimed AS (
    UPDATE refresh_tokens t SET used_at = $2, successor_hash = $3::bytea, successor_salt = $5::bytea
    FROM sessions s
    WHERE t.token_hash = $1 AND t.used_at IS NULL AND t.expires_at > $2
      AND s.id = t.session_id AND s.ended_at IS NULL AND s.expires_at > $2
    RETURNING t.session_id
  ), touched AS (
    UPDATE sessions SET last_used_at = $2, user_agent = $6, address = $7
    FROM claimed WHERE id = claimed.session_id AND ended_at IS NULL
  )
  INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at)
  SELECT $3::bytea, session_id, $2::timestamptz, $4::timestamptz FROM claimed
  RETURNING session_id`;

// The salt tells which successor the caller meant: of two that find the answer lost, the second must not void what the
// first has just been given.
const reissue = `
  WITH voided AS (
    UPDATE refresh_tokens next SET used_at = $2
    FROM refresh_tokens t
    WHERE t.token_hash = $1 AND t.successor_salt = $6::bytea
      AND next.token_hash = t.successor_hash AND next.used_at IS NULL
    RETURNING t.token_hash
  ), replaced AS (
    UPDATE refresh_tokens t
    SET used_at = $2, successor_hash = $3::bytea, successor_salt = $5::bytea, lost_answers = t.lost_answers + 1
    FROM voided, sessions s
    WHERE t.token_hash = voided.token_hash AND s.id = t.session_id AND s.ended_at IS NULL AND s.expires_at > $2
    RETURNING t.session_id
  )
  INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at)
  SELECT $3::bytea, session_id, $2::timestamptz, $4::timestamptz FROM replaced
  RETURNING session_id`;

const endSession = `
  UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE id = $1 AND ended_at IS NULL RETURNING id`;

const endSessionsOf = `
  UPDATE sessions SET ended_at = $2, end_reason = $3 WHERE user_id = $1 AND ended_at IS NULL RETURNING id`;

const findOpen = `SELECT id, expires_at FROM sessions WHERE id = ANY($1) AND ended_at IS NULL`;

const unannounced = `
  SELECT id, ended_at FROM sessions WHERE ended_at >= $1 AND announced_at IS NULL ORDER BY ended_at LIMIT $2`;

const endedSince = `SELECT id, ended_at FROM sessions WHERE ended_at >= $1`;

const markAnnounced = `UPDATE sessions SET announced_at = $2 WHERE id = ANY($1)`;

// A used token is kept as long as its own life, so that its reuse is noticed; an ended session a week, for questions.
const deleteOldTokens = `DELETE FROM refresh_tokens WHERE expires_at < $1`;
const deleteOldSessions = `
  DELETE FROM sessions WHERE expires_at < $1 OR ended_at < $1`;

const deleteOldDevices = `DELETE FROM devices WHERE last_seen_at < $1`;

/** A device that was not logged in from for half a year proves nothing any more. */
const deviceKeptMs = 180 * 24 * 3_600_000;
const keptMs = 7 * 24 * 3_600_000;

interface TokenRow {
  session_id: string;
  user_id: string;
  used_at: Date | null;
  successor_salt: Uint8Array | null;
  successor_used_at: Date | null;
  lost_answers: number;
  token_expires_at: Date;
  session_expires_at: Date;
  ended_at: Date | null;
}

/** Also tells which sessions ended, for their announcement, and removes what is past every use. */
export type PostgresSessionStore = SessionStore & EndedSessions & { removeOld(nowMs: number): Promise<void> };

/**
 * Opens a session with its first token; also used in the transaction that activates an account. False, with nothing
 * stored, when the account is not active or has another password by now.
 */
export async function insertSession(target: Queryable, session: NewSession): Promise<boolean> {
  const { sessionId, userId, openedAtMs, expiresAtMs, tokenHash, tokenExpiresAtMs } = session;
  const { client, deviceHash, provenBy = null, secondFactorAtMs } = session;
  const secondFactorAt = secondFactorAtMs === undefined ? null : date(secondFactorAtMs);
  const times = [date(openedAtMs), date(expiresAtMs), tokenHash, date(tokenExpiresAtMs)];
  const origin = [client.userAgent, client.address, deviceHash];
  const values = [sessionId, userId, ...times, ...origin, provenBy, secondFactorAt];
  return (await target.query({ name: "open_session", text: openSession }, values)).length > 0;
}

/** Ends every session of a user that has not ended; returns their ids. For the transaction that closes an account. */
export async function endSessionsOfUser(
  target: Queryable,
  { userId, reason, atMs }: { userId: string; reason: string; atMs: number },
): Promise<readonly string[]> {
  const statement = { name: "end_sessions_of_user", text: endSessionsOf };
  return (await target.query<{ id: string }>(statement, [userId, date(atMs), reason])).map((row) => row.id);
}

export function createPostgresSessionStore(database: Database): PostgresSessionStore {
  const run = <R extends object>(name: string, text: string, values: unknown[]): Promise<readonly R[]> =>
    database.query<R>({ name, text }, values);
  const expiryOfOpen = createBatchedLookup(async (ids) => {
    const rows = await run<{ id: string; expires_at: Date }>("find_open_sessions", findOpen, [[...ids]]);
    return new Map(rows.map(({ id, expires_at }) => [id, expires_at.getTime()]));
  });
  return {
    open: (session) => insertSession(database, session),
    async findByToken(tokenHash) {
      const [row] = await run<TokenRow>("find_refresh_token", findByToken, [tokenHash]);
      return row === undefined ? undefined : refreshState(row);
    },
    async rotate(tokenHash, successor, { userAgent, address }) {
      const values = [tokenHash, ...successorValues(successor), userAgent, address];
      return (await run("rotate_refresh_token", rotate, values)).length > 0;
    },
    async reissue(tokenHash, salt, successor) {
      const values = [tokenHash, ...successorValues(successor), salt];
      return (await run("reissue_refresh_token", reissue, values)).length > 0;
    },
    async end(sessionId, reason, atMs) {
      return (await run("end_session", endSession, [sessionId, date(atMs), reason])).length > 0;
    },
    async isLive(sessionId, atMs) {
      return ((await expiryOfOpen(sessionId)) ?? 0) > atMs;
    },
    ...createOwnSessions(database),
    async unannounced(sinceMs, limit) {
      return (await run<EndedRow>("unannounced_sessions", unannounced, [date(sinceMs), limit])).map(endedSession);
    },
    async endedSince(sinceMs) {
      return (await run<EndedRow>("ended_sessions", endedSince, [date(sinceMs)])).map(endedSession);
    },
    async markAnnounced(sessionIds, atMs) {
      await run("mark_announced", markAnnounced, [[...sessionIds], date(atMs)]);
    },
    async removeOld(nowMs) {
      await run("delete_old_devices", deleteOldDevices, [date(nowMs - deviceKeptMs)]);
      await run("delete_old_tokens", deleteOldTokens, [date(nowMs - keptMs)]);
      await run("delete_old_sessions", deleteOldSessions, [date(nowMs - keptMs)]);
    },
  };
}

interface EndedRow {
  id: string;
  ended_at: Date;
}

function endedSession(row: EndedRow): { sessionId: string; endedAtMs: number } {
  return { sessionId: row.id, endedAtMs: row.ended_at.getTime() };
}

function refreshState(row: TokenRow): RefreshState {
  return {
    sessionId: row.session_id,
    userId: row.user_id,
    usedAtMs: row.used_at?.getTime(),
    successor:
      row.successor_salt === null ? undefined : { salt: row.successor_salt, used: row.successor_used_at !== null },
    lostAnswers: row.lost_answers,
    tokenExpiresAtMs: row.token_expires_at.getTime(),
    sessionExpiresAtMs: row.session_expires_at.getTime(),
    sessionEndedAtMs: row.ended_at?.getTime(),
  };
}

function successorValues({ issuedAtMs, tokenHash, expiresAtMs, salt }: Successor): unknown[] {
  return [date(issuedAtMs), tokenHash, date(expiresAtMs), salt];
}

function date(ms: number): Date {
  return new Date(ms);
}
