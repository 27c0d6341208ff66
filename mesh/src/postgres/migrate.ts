/**
 * Brings a service's schema up to date with node-pg-migrate: plain SQL files, run in the order of their names, each once,
 * recorded in `schema_migrations` of the service's own schema. All pending files run in one transaction, so a failing one
 * leaves nothing behind. Instances that start together wait for each other on an advisory lock of their schema; services
 * with different schemas do not.
 *
 * It has its own connection: a migration may take longer than any statement of the service.
 */
import { createHash } from "node:crypto";
import { runner } from "node-pg-migrate";
import { Client } from "pg";
import type { Logger } from "../logger.ts";
import { clientConfigFrom } from "./connection-config.ts";
import { databaseErrorFrom } from "./postgres-error.ts";

export interface MigrateOptions {
  readonly connectionString: string;
  readonly schema: string;
  readonly applicationName: string;
  /** Folder of `<number>_<name>.sql` files; without one only the schema is made. */
  readonly migrationsDir?: string;
  readonly logger: Logger;
}

const CONNECT_TIMEOUT_MS = 5000;

/** Gives the names of the migrations that this call ran. Rejects with the failing statement's error. */
export async function migrateDatabase(options: MigrateOptions): Promise<string[]> {
  const client = new Client(
    clientConfigFrom({ ...options, connectTimeoutMs: CONNECT_TIMEOUT_MS, statementTimeoutMs: 0 }),
  );
  client.on("error", (error) => options.logger.warn({ err: error }, "the migration connection ended"));
  try {
    await client.connect();
    await createSchema(client, options.schema);
    if (options.migrationsDir === undefined) return [];
    const ran = await runner({
      dbClient: client,
      dir: options.migrationsDir,
      direction: "up",
      schema: options.schema,
      migrationsSchema: options.schema,
      migrationsTable: "schema_migrations",
      checkOrder: true,
      singleTransaction: true,
      advisoryLockMode: "wait",
      lockValue: lockValueOf(options.schema),
      logger: migrationLoggerFrom(options.logger),
    });
    return ran.map((migration) => migration.name);
  } catch (error) {
    throw databaseErrorFrom(error);
  } finally {
    await client.end().catch(() => {});
  }
}

async function createSchema(client: Client, schema: string): Promise<void> {
  // Asked first: CREATE SCHEMA IF NOT EXISTS needs the right to create even when there is nothing to do.
  const { rows } = await client.query<{ present: boolean }>("SELECT to_regnamespace($1) IS NOT NULL AS present", [
    schema,
  ]);
  if (rows[0]?.present === true) return;
  try {
    await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    // Another instance made it between the question and the answer.
    if (code === "23505" || code === "42P06") return;
    if (code !== "42501") throw error;
    throw new Error(
      `the schema "${schema}" does not exist and this role may not create it: create it, or grant CREATE on the database`,
      { cause: error },
    );
  }
}

/** A positive 48-bit number, so that it stays exact as a JavaScript number and differs between schemas. */
function lockValueOf(schema: string): number {
  return createHash("sha256").update(`weft-migrate:${schema}`).digest().readUIntBE(0, 6);
}

function migrationLoggerFrom(logger: Logger) {
  return {
    debug: (message: string) => logger.debug(message),
    info: (message: string) => logger.debug(message),
    warn: (message: string) => logger.warn(message),
    error: (message: string) => logger.error(message),
  };
}
