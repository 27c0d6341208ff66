/**
 * Opens a service's database: waits until PostgreSQL answers, brings the schema up to date, and gives a `Database` over a
 * pool of connections.
 *
 * The database may restart at any time. Idle connections that end are dropped with a log line; statements on them fail
 * with `DatabaseUnavailableError`; the next statement opens a new connection. Nothing is retried in here except a
 * transaction that lost against its neighbours, because only there is it certain that nothing was done.
 */
import { Pool, type PoolClient } from "pg";
import { backoffDelayMs } from "../backoff.ts";
import { type Clock, systemClock } from "../clock.ts";
import type { Logger } from "../logger.ts";
import { type Random, systemRandom } from "../random.ts";
import { clientConfigFrom } from "./connection-config.ts";
import type { Database, PoolStats, Row, Statement, Transaction, TransactionOptions } from "./database.ts";
import { migrateDatabase } from "./migrate.ts";
import { NotificationListener } from "./notification-listener.ts";
import { DatabaseUnavailableError, databaseErrorFrom, isSerializationFailure } from "./postgres-error.ts";

export interface OpenDatabaseOptions {
  readonly connectionString: string;
  /** The service's own schema; made if it is missing and the role may. */
  readonly schema: string;
  /** Folder of SQL migrations to run first; none when absent. */
  readonly migrationsDir?: string;
  /** Default 10. All instances of all services together must stay under the server's `max_connections`. */
  readonly maxConnections?: number;
  readonly applicationName: string;
  readonly logger: Logger;
  /** Longest time of one statement; default 15 000. Migrations have none. */
  readonly statementTimeoutMs?: number;
  /** How long a caller waits for a connection, free or new; default 5000. */
  readonly connectTimeoutMs?: number;
  /** How long to wait for the database at the start; default 30 000. */
  readonly startTimeoutMs?: number;
  readonly clock?: Clock;
  readonly random?: Random;
}

const MAX_TRANSACTION_ATTEMPTS = 5;
const IDLE_CONNECTION_MS = 30_000;

/** Rejects with `DatabaseUnavailableError` when the database does not come in time, or with a migration's error. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<Database> {
  const database = new PooledDatabase(options);
  try {
    await database.waitUntilReachable(options.startTimeoutMs ?? 30_000);
    const { connectionString, schema, migrationsDir, applicationName, logger } = options;
    await migrateDatabase({
      connectionString,
      schema,
      applicationName,
      logger,
      ...(migrationsDir === undefined ? {} : { migrationsDir }),
    });
  } catch (error) {
    await database.close();
    throw error;
  }
  return database;
}

class PooledDatabase implements Database {
  readonly schema: string;
  readonly #pool: Pool;
  readonly #listener: NotificationListener;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #max: number;

  constructor(options: OpenDatabaseOptions) {
    this.schema = options.schema;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? systemRandom;
    this.#max = options.maxConnections ?? 10;
    const config = clientConfigFrom({
      connectionString: options.connectionString,
      schema: options.schema,
      applicationName: options.applicationName,
      connectTimeoutMs: options.connectTimeoutMs ?? 5000,
      statementTimeoutMs: options.statementTimeoutMs ?? 15_000,
    });
    this.#pool = new Pool({ ...config, max: this.#max, idleTimeoutMillis: IDLE_CONNECTION_MS });
    const onConnectionError = (error: Error) =>
      options.logger.warn({ err: error, schema: this.schema }, "a database connection ended");
    // Without these listeners a server that closes an idle or a borrowed connection would end the process.
    this.#pool.on("error", onConnectionError);
    this.#pool.on("connect", (client) => void client.on("error", onConnectionError));
    this.#listener = new NotificationListener({
      config,
      clock: this.#clock,
      random: this.#random,
      logger: options.logger,
    });
  }

  async query<RowType extends object = Row>(statement: Statement, values?: readonly unknown[]): Promise<RowType[]> {
    const client = await this.#borrow();
    try {
      const rows = await run<RowType>(client, statement, values);
      client.release();
      return rows;
    } catch (error) {
      // A connection that broke is not given back; one whose statement was refused is as good as before.
      client.release(error instanceof DatabaseUnavailableError);
      throw error;
    }
  }

  async transaction<Result>(
    fn: (tx: Transaction) => Promise<Result>,
    options: TransactionOptions = {},
  ): Promise<Result> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#transactionOnce(fn, options);
      } catch (error) {
        if (!isSerializationFailure(error) || attempt === MAX_TRANSACTION_ATTEMPTS) throw error;
      }
      await this.#clock.sleep(backoffDelayMs({ attempt, baseMs: 10, maxMs: 200, random: this.#random }));
    }
  }

  listen(channel: string, onNotify: (payload: string) => void): Promise<() => Promise<void>> {
    return this.#listener.listen(channel, onNotify);
  }

  async ping(): Promise<number> {
    const startMs = this.#clock.monotonicMs();
    await this.query("SELECT 1");
    return this.#clock.monotonicMs() - startMs;
  }

  stats(): PoolStats {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { total: totalCount, idle: idleCount, waiting: waitingCount, max: this.#max };
  }

  async close(): Promise<void> {
    await this.#listener.close();
    if (!this.#pool.ending) await this.#pool.end();
  }

  async waitUntilReachable(timeoutMs: number): Promise<void> {
    const deadlineMs = this.#clock.monotonicMs() + timeoutMs;
    for (let attempt = 1; ; attempt++) {
      try {
        await this.ping();
        return;
      } catch (error) {
        if (!(error instanceof DatabaseUnavailableError) || this.#clock.monotonicMs() >= deadlineMs) throw error;
      }
      await this.#clock.sleep(backoffDelayMs({ attempt, baseMs: 100, maxMs: 1000, random: this.#random }));
    }
  }

  async #borrow(): Promise<PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw databaseErrorFrom(error);
    }
  }

  async #transactionOnce<Result>(
    fn: (tx: Transaction) => Promise<Result>,
    { isolation = "read committed" }: TransactionOptions,
  ): Promise<Result> {
    const client = await this.#borrow();
    let open = true;
    let committing = false;
    const tx: Transaction = {
      isolation,
      query: async (statement, values) => {
        if (!open) throw new Error("the transaction has ended; await all its statements inside its function");
        return run(client, statement, values);
      },
    };
    try {
      await run(client, `BEGIN ISOLATION LEVEL ${isolation}`);
      const result = await fn(tx);
      committing = true;
      await run(client, "COMMIT");
      client.release();
      return result;
    } catch (error) {
      const lost = error instanceof DatabaseUnavailableError;
      const undone = !lost && (await rollBack(client));
      client.release(!undone);
      if (lost && committing) throw new DatabaseUnavailableError(error.reason, error.cause, true);
      throw error;
    } finally {
      open = false;
    }
  }
}

async function rollBack(client: PoolClient): Promise<boolean> {
  try {
    await client.query("ROLLBACK");
    return true;
  } catch {
    // The connection goes; the server rolls back by itself when it does.
    return false;
  }
}

async function run<RowType extends object>(
  client: PoolClient,
  statement: Statement,
  values: readonly unknown[] = [],
): Promise<RowType[]> {
  const text = typeof statement === "string" ? { text: statement } : statement;
  try {
    const result = await client.query<RowType & Row>({ ...text, values: [...values] });
    return result.rows;
  } catch (error) {
    throw databaseErrorFrom(error);
  }
}
