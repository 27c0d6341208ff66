import type { Database } from "./database.ts";

/**
 * Runs table definitions that say IF NOT EXISTS. Several instances may do so at once: they take turns, because
 * PostgreSQL lets two concurrent CREATE TABLE IF NOT EXISTS collide.
 */
export async function ensureTables(database: Database, definitions: readonly string[]): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`weft-tables:${database.schema}`]);
    for (const definition of definitions) await tx.query(definition);
  });
}
