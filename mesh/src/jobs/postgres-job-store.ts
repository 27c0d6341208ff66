/**
 * JobStore in the table `scheduled_jobs` of the service's schema. Instances take due rows with FOR UPDATE SKIP LOCKED, so
 * none waits for another; the row then carries a lease, so no transaction stays open while the job runs. New jobs are
 * announced with NOTIFY, which PostgreSQL sends at commit: a job written in a caller's transaction is seen with it or
 * not at all.
 */
import type { Database, Queryable } from "../postgres/database.ts";
import { ensureTables } from "../postgres/ensure-tables.ts";
import type { ClaimedJob, DeadJob, JobCounts, JobOutcome, JobStore, RecurringJob, StoredJob } from "./job-store.ts";

/**
 * For a migration file; `ensureJobTables` runs the same. `run_at` is the nominal time, `due_at` when the row needs
 * attention next: a retry, or the end of the lease while it is running.
 */
const jobTableSql = `
CREATE TABLE IF NOT EXISTS scheduled_jobs (
  id bigserial PRIMARY KEY,
  name text NOT NULL,
  key text UNIQUE,
  payload jsonb NOT NULL,
  run_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  interval_ms double precision,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'dead')),
  attempt integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL,
  fence bigint NOT NULL DEFAULT 1,
  error text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
)`;

const jobIndexSql = "CREATE INDEX IF NOT EXISTS scheduled_jobs_due ON scheduled_jobs (due_at) WHERE state <> 'dead'";

export function ensureJobTables(database: Database): Promise<void> {
  return ensureTables(database, [jobTableSql, jobIndexSql]);
}

const NOTIFY = "pg_notify(current_schema() || '_jobs', '')";
const ms = (parameter: string) => `${parameter}::float8 * interval '1 millisecond'`;
const RESET = "state = 'waiting', attempt = 0, error = '', fence = scheduled_jobs.fence + 1";
/** The grid of `nextRunAtMs`, in SQL. */
const NEXT_RUN = `run_at + interval_ms * interval '1 millisecond'
  * (1 + greatest(0, floor(extract(epoch FROM clock_timestamp() - run_at)::float8 * 1000 / interval_ms)))`;

const statements = {
  put: {
    name: "jobs-put",
    text: `WITH written AS (
        INSERT INTO scheduled_jobs (name, key, payload, max_attempts, run_at, due_at)
        VALUES ($1, $2, $3::jsonb, $4, to_timestamp($5::float8 / 1000), to_timestamp($5::float8 / 1000))
        ON CONFLICT (key) DO UPDATE SET name = excluded.name, payload = excluded.payload, interval_ms = NULL,
          max_attempts = excluded.max_attempts, run_at = excluded.run_at, due_at = excluded.due_at, ${RESET}
        RETURNING id
      ) SELECT id, ${NOTIFY} FROM written`,
  },
  putRecurring: {
    name: "jobs-put-recurring",
    text: `WITH written AS (
        INSERT INTO scheduled_jobs (name, key, payload, max_attempts, interval_ms, run_at, due_at)
        VALUES ($1, $2, $3::jsonb, $4, $5::float8, clock_timestamp() + ${ms("$5")}, clock_timestamp() + ${ms("$5")})
        ON CONFLICT (key) DO UPDATE SET name = excluded.name, payload = excluded.payload,
          max_attempts = excluded.max_attempts, interval_ms = excluded.interval_ms,
          run_at = CASE WHEN scheduled_jobs.interval_ms = excluded.interval_ms
            THEN scheduled_jobs.run_at ELSE excluded.run_at END,
          due_at = CASE WHEN scheduled_jobs.interval_ms = excluded.interval_ms
            THEN scheduled_jobs.due_at ELSE excluded.due_at END,
          state = CASE WHEN scheduled_jobs.interval_ms = excluded.interval_ms
            THEN scheduled_jobs.state ELSE 'waiting' END,
          attempt = CASE WHEN scheduled_jobs.interval_ms = excluded.interval_ms THEN scheduled_jobs.attempt ELSE 0 END,
          fence = CASE WHEN scheduled_jobs.interval_ms = excluded.interval_ms
            THEN scheduled_jobs.fence ELSE scheduled_jobs.fence + 1 END
        RETURNING id
      ) SELECT ${NOTIFY} FROM written`,
  },
  remove: {
    name: "jobs-remove",
    text: "DELETE FROM scheduled_jobs WHERE key = $1 AND state <> 'dead' RETURNING 1 AS removed",
  },
  claim: {
    name: "jobs-claim",
    text: `WITH due AS (
        SELECT id, due_at AS was_due_at FROM scheduled_jobs
        WHERE state <> 'dead' AND due_at <= clock_timestamp() AND name = ANY($1::text[])
        ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
      ), taken AS (
        UPDATE scheduled_jobs SET state = 'running', attempt = attempt + 1, fence = fence + 1,
          due_at = clock_timestamp() + ${ms("$3")}
        FROM due WHERE scheduled_jobs.id = due.id
        RETURNING scheduled_jobs.*, was_due_at
      )
      SELECT id, name, key, payload, attempt, max_attempts AS "maxAttempts", fence,
        interval_ms IS NOT NULL AS recurring, (extract(epoch FROM run_at) * 1000)::float8 AS "runAtMs"
      FROM taken ORDER BY was_due_at`,
  },
  retry: {
    name: "jobs-retry",
    text: `UPDATE scheduled_jobs SET state = 'waiting', error = $3, due_at = clock_timestamp() + ${ms("$4")}
      WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING 1 AS settled`,
  },
  next: {
    name: "jobs-next",
    text: `UPDATE scheduled_jobs SET state = 'waiting', attempt = 0, error = $3, run_at = ${NEXT_RUN}, due_at = ${NEXT_RUN}
      WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING 1 AS settled`,
  },
  bury: {
    name: "jobs-bury",
    text: `UPDATE scheduled_jobs SET state = 'dead', error = $3
      WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING 1 AS settled`,
  },
  finish: {
    name: "jobs-finish",
    text: "DELETE FROM scheduled_jobs WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING 1 AS settled",
  },
  renew: {
    name: "jobs-renew",
    text: `UPDATE scheduled_jobs SET due_at = clock_timestamp() + ${ms("$3")}
      WHERE id = $1 AND fence = $2 AND state = 'running' RETURNING 1 AS renewed`,
  },
  nextDue: {
    name: "jobs-next-due",
    text: `SELECT greatest(0, extract(epoch FROM min(due_at) - clock_timestamp()) * 1000)::float8 AS "inMs"
      FROM scheduled_jobs WHERE state <> 'dead' AND name = ANY($1::text[]) HAVING min(due_at) IS NOT NULL`,
  },
  dead: {
    name: "jobs-dead",
    text: `SELECT id, name, key, payload, attempt AS attempts, error
      FROM scheduled_jobs WHERE state = 'dead' ORDER BY id LIMIT $1`,
  },
  revive: {
    name: "jobs-revive",
    text: `WITH revived AS (
        UPDATE scheduled_jobs SET due_at = clock_timestamp(), ${RESET} WHERE id = $1 AND state = 'dead' RETURNING id
      ) SELECT ${NOTIFY} FROM revived`,
  },
  discard: {
    name: "jobs-discard",
    text: "DELETE FROM scheduled_jobs WHERE id = $1 AND state = 'dead' RETURNING 1 AS discarded",
  },
  counts: {
    name: "jobs-counts",
    text: `SELECT
        count(*) FILTER (WHERE state <> 'dead' AND due_at <= clock_timestamp())::int AS due,
        count(*) FILTER (WHERE state = 'waiting' AND due_at > clock_timestamp())::int AS scheduled,
        count(*) FILTER (WHERE state = 'running' AND due_at > clock_timestamp())::int AS running,
        count(*) FILTER (WHERE state = 'dead')::int AS dead
      FROM scheduled_jobs`,
  },
} as const;

export function createPostgresJobStore(database: Database): JobStore {
  return new PostgresJobStore(database);
}

class PostgresJobStore implements JobStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async put(job: StoredJob, within: Queryable = this.#database): Promise<string> {
    const values = [job.name, job.key ?? null, JSON.stringify(job.payload), job.maxAttempts, job.runAtMs];
    const [row] = await within.query<{ id: string }>(statements.put, values);
    if (row === undefined) throw new Error("the database gave no id for a new job");
    return row.id;
  }

  async putRecurring({ name, key, payload, maxAttempts, intervalMs }: RecurringJob): Promise<void> {
    const values = [name, key, JSON.stringify(payload), maxAttempts, intervalMs];
    await this.#database.query(statements.putRecurring, values);
  }

  async remove(key: string, within: Queryable = this.#database): Promise<boolean> {
    return (await within.query(statements.remove, [key])).length > 0;
  }

  async claim(names: readonly string[], limit: number, leaseMs: number): Promise<ClaimedJob[]> {
    const rows = await this.#database.query<ClaimedJob & { key: string | null }>(statements.claim, [
      names,
      limit,
      leaseMs,
    ]);
    return rows.map((row) => ({ ...row, key: row.key ?? undefined }));
  }

  async settle(job: ClaimedJob, outcome: JobOutcome): Promise<boolean> {
    const place = [job.id, job.fence];
    const rows = await (() => {
      if (outcome.kind === "retry") {
        return this.#database.query(statements.retry, [...place, outcome.error, outcome.delayMs]);
      }
      const error = outcome.kind === "dead" ? outcome.error : "";
      if (job.recurring) return this.#database.query(statements.next, [...place, error]);
      if (outcome.kind === "dead") return this.#database.query(statements.bury, [...place, error]);
      return this.#database.query(statements.finish, place);
    })();
    return rows.length > 0;
  }

  async renew(job: ClaimedJob, leaseMs: number): Promise<boolean> {
    return (await this.#database.query(statements.renew, [job.id, job.fence, leaseMs])).length > 0;
  }

  async nextDueInMs(names: readonly string[]): Promise<number | undefined> {
    const [row] = await this.#database.query<{ inMs: number }>(statements.nextDue, [names]);
    return row?.inMs;
  }

  async dead(limit: number): Promise<DeadJob[]> {
    const rows = await this.#database.query<DeadJob & { key: string | null }>(statements.dead, [limit]);
    return rows.map((row) => ({ ...row, key: row.key ?? undefined }));
  }

  async revive(id: string): Promise<boolean> {
    return (await this.#database.query(statements.revive, [id])).length > 0;
  }

  async discard(id: string): Promise<boolean> {
    return (await this.#database.query(statements.discard, [id])).length > 0;
  }

  async counts(): Promise<JobCounts> {
    const [row] = await this.#database.query<JobCounts & object>(statements.counts);
    return row ?? { due: 0, scheduled: 0, running: 0, dead: 0 };
  }

  onChange(listener: () => void): Promise<() => Promise<void>> {
    return this.#database.listen(`${this.#database.schema}_jobs`, listener);
  }
}
