import type { Database, Queryable } from "../postgres/database.ts";
import { ensureTables } from "../postgres/ensure-tables.ts";
import { assertEnvelope, type EventEnvelope } from "./event-envelope.ts";

/** An event and where it goes. */
export interface OutboxEvent {
  /** Such as `todo-events`. */
  readonly topic: string;
  /** Events with the same key keep their order; usually the owner's user id. */
  readonly key: string;
  readonly envelope: EventEnvelope;
}

/**
 * For a migration file; `ensureOutboxTables` runs the same. `transaction_id` is what makes reading safe: positions are
 * given out before commit and become visible in another order, so a reader that only follows them misses rows.
 */
const outboxTableSql = `
CREATE TABLE IF NOT EXISTS outbox (
  position bigserial PRIMARY KEY,
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  topic text NOT NULL,
  key text NOT NULL,
  type text NOT NULL,
  envelope jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  published_at timestamptz
)`;

const outboxIndexesSql = [
  "CREATE INDEX IF NOT EXISTS outbox_unpublished ON outbox (transaction_id, position) WHERE published_at IS NULL",
  "CREATE INDEX IF NOT EXISTS outbox_published_at ON outbox (published_at) WHERE published_at IS NOT NULL",
] as const;

export function ensureOutboxTables(database: Database): Promise<void> {
  return ensureTables(database, [outboxTableSql, ...outboxIndexesSql]);
}

/** The NOTIFY channel of a schema's outbox; channels belong to the whole database, so they carry the schema. */
export const outboxChannel = (schema: string) => `${schema}_outbox`;

const insertStatement = {
  name: "outbox-insert",
  text: `WITH written AS (
      INSERT INTO outbox (topic, key, type, envelope) VALUES ($1, $2, $3, $4::jsonb) RETURNING position
    )
    SELECT position, pg_notify(current_schema() || '_outbox', '') FROM written`,
};

/**
 * Writes an event in the transaction that makes the change it tells of, so that both happen or neither (EVT-37). Throws
 * `RangeError` naming a bad field.
 */
export async function writeOutbox(tx: Queryable, event: OutboxEvent): Promise<void> {
  for (const field of ["topic", "key"] as const) {
    const length = event[field].length;
    if (length < 1 || length > 200) throw new RangeError(`${field}: ${length} characters, 1 to 200 are allowed`);
  }
  assertEnvelope(event.envelope);
  await tx.query(insertStatement, [event.topic, event.key, event.envelope.type, JSON.stringify(event.envelope)]);
}
