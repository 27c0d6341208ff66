/**
 * Decisions about permissions as rows of the trail of security events, a table that nobody can change (migration 0007) and
 * where roles that are granted and taken stand already: who may do what, and who tried, reads in one order. A batch is one
 * statement. Each row is in the log, too, as fields, so whatever was in a name stays inside its quotes.
 */
import type { Database, Logger, Metrics } from "@weft/mesh";
import type { AuditedDecision, DecisionFilter, DecisionStore } from "../domain/decision-audit.ts";
import type { DecisionLog } from "../domain/decision-trail.ts";

const insert = `
  INSERT INTO security_events (happened_at, event, user_id, address, user_agent, facts)
  SELECT d.happened_at, d.event, d.user_id, '', '',
         jsonb_build_object('permission', d.permission, 'resource', d.resource, 'role', d.role, 'count', d.count)
  FROM unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::int[])
    AS d (happened_at, event, user_id, permission, resource, role, count)`;

const list = `
  SELECT id, event, user_id, happened_at, facts FROM security_events
  WHERE event IN ('permission_denied', 'permission_by_admin', 'role_granted', 'role_revoked')
    AND ($1::bigint IS NULL OR id < $1)`;

const droppedMetric = {
  name: "weft_auth_decisions_dropped_total",
  help: "Decisions about permissions that are missing in the trail, as there were too many different ones in a minute.",
  labels: [],
} as const;

interface DecisionRow {
  /** bigint */
  id: string;
  event: string;
  user_id: string | null;
  happened_at: Date;
  facts: { permission?: string; resource?: string; role?: string; actorId?: string; count?: number };
}

export interface PostgresDecisionLogOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly metrics: Pick<Metrics, "counter">;
}

export function createPostgresDecisionLog({
  database,
  logger,
  metrics,
}: PostgresDecisionLogOptions): DecisionLog & DecisionStore {
  const dropped = metrics.counter(droppedMetric);
  return {
    async write(decisions) {
      const columns = [
        decisions.map(({ atMs }) => new Date(atMs)),
        ...(["kind", "userId", "permission", "resource", "role", "count"] as const).map((column) =>
          decisions.map((decision) => decision[column]),
        ),
      ];
      await database.query({ name: "record_decisions", text: insert }, columns);
      for (const { kind: securityEvent, userId, permission, resource, role, count } of decisions) {
        logger.warn({ securityEvent, userId, permission, resource, role, count }, "security event");
      }
    },
    dropped(count) {
      dropped.inc(count);
      logger.error({ count }, "decisions about permissions are missing in the trail");
    },
    async list({ userId, resource }: DecisionFilter, { most, beforeId = null }) {
      const values: unknown[] = [beforeId, most];
      let name = "list_decisions";
      let where = "";
      // Written into the statement only when asked for, so that each of the four has a plan, and an index, of its own.
      if (userId !== undefined) {
        values.push(userId);
        name += "_of_user";
        where += ` AND user_id = $${values.length}`;
      }
      if (resource !== undefined) {
        values.push(resource);
        name += "_of_resource";
        where += ` AND facts ->> 'resource' = $${values.length}`;
      }
      const text = `${list}${where} ORDER BY id DESC LIMIT $2`;
      return (await database.query<DecisionRow>({ name, text }, values)).map(auditedDecision);
    },
  };
}

function auditedDecision({ id, event, user_id, happened_at, facts }: DecisionRow): AuditedDecision {
  const { permission = "", resource = "", role = "", actorId = "", count = 1 } = facts;
  const decidedAtMs = happened_at.getTime();
  return { id, decision: event, userId: user_id ?? "", permission, resource, role, actorId, count, decidedAtMs };
}
