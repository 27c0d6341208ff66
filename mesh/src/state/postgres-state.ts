/**
 * StateStore in the table `state` of the service's schema. Every operation is one statement, so it needs no transaction
 * of its own and takes part in the caller's: pass that transaction instead of the database to `createPostgresState`.
 * Times are the database's, so that instances need not agree on the time.
 */
import type { Database, Queryable } from "../postgres/database.ts";
import { ensureTables } from "../postgres/ensure-tables.ts";
import { encodeState, type SetOptions, StateConflictError, type StateEntry, type StateStore } from "./state-store.ts";

/** For a migration file; `ensureStateTable` runs the same. */
const stateTableSql = `
CREATE TABLE IF NOT EXISTS state (
  key text PRIMARY KEY,
  value jsonb NOT NULL,
  version integer NOT NULL DEFAULT 1,
  expires_at timestamptz,
  updated_at timestamptz NOT NULL DEFAULT now()
)`;

const stateIndexSql = "CREATE INDEX IF NOT EXISTS state_expires_at ON state (expires_at) WHERE expires_at IS NOT NULL";

export function ensureStateTable(database: Database): Promise<void> {
  return ensureTables(database, [stateTableSql, stateIndexSql]);
}

const LIVE = "(state.expires_at IS NULL OR state.expires_at > clock_timestamp())";
const EXPIRY = "clock_timestamp() + $3::float8 * interval '1 millisecond'";

const statements = {
  get: { name: "state-get", text: `SELECT value, version FROM state WHERE key = $1 AND ${LIVE}` },
  set: {
    name: "state-set",
    text: `INSERT INTO state (key, value, expires_at) VALUES ($1, $2::jsonb, ${EXPIRY})
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, updated_at = now(),
        version = CASE WHEN ${LIVE} THEN state.version + 1 ELSE 1 END
      RETURNING version`,
  },
  setIfVersion: {
    name: "state-set-if-version",
    text: `UPDATE state SET value = $2::jsonb, expires_at = ${EXPIRY}, version = version + 1, updated_at = now()
      WHERE key = $1 AND version = $4 AND ${LIVE} RETURNING version`,
  },
  insertIfAbsent: {
    name: "state-insert-if-absent",
    text: `INSERT INTO state (key, value, expires_at) VALUES ($1, $2::jsonb, ${EXPIRY})
      ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, version = 1,
        updated_at = now() WHERE NOT ${LIVE}
      RETURNING value, version`,
  },
  delete: {
    name: "state-delete",
    text: `WITH gone AS (DELETE FROM state WHERE key = $1 RETURNING expires_at)
      SELECT 1 FROM gone AS state WHERE ${LIVE}`,
  },
  purge: {
    name: "state-purge",
    text: "WITH gone AS (DELETE FROM state WHERE expires_at <= clock_timestamp() RETURNING 1) SELECT count(*)::int AS count FROM gone",
  },
} as const;

/** A store over a database or, to write in the caller's transaction, over that. */
export function createPostgresState(queryable: Queryable): StateStore {
  return new PostgresState(queryable);
}

class PostgresState implements StateStore {
  readonly #queryable: Queryable;

  constructor(queryable: Queryable) {
    this.#queryable = queryable;
  }

  async get(key: string): Promise<StateEntry | undefined> {
    const [entry] = await this.#queryable.query<StateEntry>(statements.get, [key]);
    return entry;
  }

  async set(key: string, value: unknown, { ttlMs, ifVersion }: SetOptions = {}): Promise<number> {
    const text = encodeState(key, value, ttlMs);
    const values = [key, text, ttlMs ?? null];
    const rows = await this.#write(values, ifVersion);
    const version = rows[0]?.version;
    if (version === undefined) throw new StateConflictError(key, ifVersion ?? 0);
    return version;
  }

  async delete(key: string): Promise<boolean> {
    return (await this.#queryable.query(statements.delete, [key])).length > 0;
  }

  async putIfAbsent(key: string, value: unknown, { ttlMs }: Pick<SetOptions, "ttlMs"> = {}) {
    const values = [key, encodeState(key, value, ttlMs), ttlMs ?? null];
    for (;;) {
      const [written] = await this.#queryable.query<StateEntry>(statements.insertIfAbsent, values);
      if (written !== undefined) return { stored: true, entry: written };
      const existing = await this.get(key);
      if (existing !== undefined) return { stored: false, entry: existing };
      // It was deleted or expired between the two statements: try to be the one who writes.
    }
  }

  async purgeExpired(): Promise<number> {
    const [row] = await this.#queryable.query<{ count: number }>(statements.purge);
    return row?.count ?? 0;
  }

  #write(values: readonly unknown[], ifVersion: number | undefined): Promise<{ version: number }[]> {
    if (ifVersion === undefined) return this.#queryable.query(statements.set, values);
    if (ifVersion === 0) return this.#queryable.query(statements.insertIfAbsent, values);
    return this.#queryable.query(statements.setIfVersion, [...values, ifVersion]);
  }
}
