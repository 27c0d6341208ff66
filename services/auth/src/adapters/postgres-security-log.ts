/**
 * The trail of security events: a line in the log, for whoever watches, and a row that cannot be changed (migration 0007
 * sees to that), for whoever has to know later. The row is written by itself and not in the transaction of what it tells
 * of: an attempt that failed has none, and a trail that cannot be written must not undo a logout. A row that could not be
 * written is in the log, as an error with everything that was to be in it.
 */
import type { Database, Logger } from "@weft/mesh";
import type { WallClock } from "../domain/ports.ts";
import type { SecurityEvents, SecurityLog } from "../domain/security-events.ts";

const insert = `
  INSERT INTO security_events (happened_at, event, user_id, session_id, address, user_agent, facts)
  VALUES ($1, $2, $3, $4, $5, $6, $7::jsonb)`;
// Decisions about permissions stand in the same trail (postgres-decision-log.ts) and are administrators' matter.
const list = `
  SELECT id, event, happened_at, address, user_agent, session_id FROM security_events
  WHERE user_id = $1 AND ($2::bigint IS NULL OR id < $2) AND event NOT IN ('permission_denied', 'permission_by_admin')
  ORDER BY id DESC LIMIT $3`;
const removeOld = `DELETE FROM security_events WHERE recorded_at < clock_timestamp() - interval '90 days'`;

interface EventRow {
  /** bigint */
  id: string;
  event: string;
  happened_at: Date;
  address: string;
  user_agent: string;
  session_id: string | null;
}

export interface PostgresSecurityLogOptions {
  readonly database: Database;
  readonly clock: WallClock;
  readonly logger: Logger;
}

/** Also removes what is older than 90 days, by the database's clock. */
export function createPostgresSecurityLog({
  database,
  clock,
  logger,
}: PostgresSecurityLogOptions): SecurityLog & SecurityEvents & { removeOld(): Promise<void> } {
  return {
    async record(event, facts) {
      logger.warn({ securityEvent: event, ...facts }, "security event");
      const { userId = null, sessionId = null, address = "", userAgent = "", ...others } = facts;
      const values = [new Date(clock.now()), event, userId, sessionId, address, userAgent, JSON.stringify(others)];
      try {
        await database.query({ name: "record_security_event", text: insert }, values);
      } catch (error) {
        logger.error({ err: error, securityEvent: event, ...facts }, "a security event is missing in the trail");
      }
    },
    async list(userId, { most, beforeId = null }) {
      const statement = { name: "list_security_events", text: list };
      const rows = await database.query<EventRow>(statement, [userId, beforeId, most]);
      return rows.map((row) => ({
        id: row.id,
        event: row.event,
        happenedAtMs: row.happened_at.getTime(),
        address: row.address,
        userAgent: row.user_agent,
        sessionId: row.session_id ?? "",
      }));
    },
    async removeOld() {
      await database.query({ name: "remove_old_security_events", text: removeOld });
    },
  };
}
