import type { Database, Queryable } from "../postgres/database.ts";
import { ensureTables } from "../postgres/ensure-tables.ts";

/** For a migration file; `ensureProcessedEventsTable` runs the same. */
const processedEventsTableSql = `
CREATE TABLE IF NOT EXISTS processed_events (
  consumer text NOT NULL,
  event_id text NOT NULL,
  processed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (consumer, event_id)
)`;

export function ensureProcessedEventsTable(database: Database): Promise<void> {
  return ensureTables(database, [processedEventsTableSql]);
}

const markStatement = {
  name: "processed-events-mark",
  text: `INSERT INTO processed_events (consumer, event_id) VALUES ($1, $2)
    ON CONFLICT DO NOTHING RETURNING 1 AS marked`,
};

/**
 * Call first in the transaction that handles an event: true the first time, false when this consumer has handled it
 * before and must do nothing. Mark and effect commit together, so an event that arrives twice has one effect (EVT-42);
 * of two transactions at once the second waits for the first.
 */
export async function markProcessed(tx: Queryable, consumer: string, eventId: string): Promise<boolean> {
  return (await tx.query(markStatement, [consumer, eventId])).length === 1;
}

/** Forgets marks older than `retentionMs`, which must exceed the longest time after which an event may come again. */
export async function forgetProcessed(queryable: Queryable, retentionMs: number): Promise<number> {
  const rows = await queryable.query(
    `DELETE FROM processed_events WHERE processed_at < now() - $1::float8 * interval '1 millisecond' RETURNING 1 AS gone`,
    [retentionMs],
  );
  return rows.length;
}
