import type { Database } from "@weft/mesh";
import type { Architecture, Change, PlannedChange, Results } from "@weft/simulator";
import type { MetricPoint } from "../domain/lifecycle/metric-series.ts";
import type {
  ChangeOutcome,
  LiveChange,
  Page,
  RunnableSimulation,
  Simulation,
  SimulationStore,
} from "../domain/lifecycle/ports.ts";
import type { Status } from "../domain/lifecycle/transitions.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import {
  addChange,
  changeOutcome,
  hasWaitingChanges,
  type LiveChangeRow,
  liveChangeFrom,
  liveChangesOfClaimed,
  settleChange,
  waitingChanges,
} from "./postgres-live-changes.ts";

/**
 * Simulations in PostgreSQL. A run's row names the instance that runs it, and every write of a run is guarded by that
 * name: an instance that was given up for dead and wakes up again changes nothing. The name stays when the run has ended,
 * so that its instance may say the end twice when the first answer was lost. What is silent is judged by the clock here.
 */
export class PostgresSimulationStore implements SimulationStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(simulation: RunnableSimulation): Promise<void> {
    await this.#database.query(
      {
        name: "simulation-insert",
        text: `insert into simulations (id, project_id, project_version, architecture, status, duration_seconds, seed, speed, load, created_by, created_at, changes)
               values ($1, $2, $3, $4, 'PENDING', $5, $6, $7, $8, $9, $10, $11)`,
      },
      [
        simulation.id,
        simulation.projectId,
        simulation.projectVersion,
        JSON.stringify(simulation.architecture),
        simulation.durationSeconds,
        simulation.seed,
        simulation.speed,
        simulation.load,
        simulation.createdBy,
        new Date(simulation.createdAtMs),
        JSON.stringify(simulation.changes),
      ],
    );
  }

  async find(id: string): Promise<Simulation | undefined> {
    const [row] = await this.#database.query<SimulationRow>(
      { name: "simulation-find", text: `select ${columns} from simulations where id = $1` },
      [id],
    );
    return row === undefined ? undefined : simulationFrom(row);
  }

  async architecture(id: string): Promise<Architecture | undefined> {
    const [row] = await this.#database.query<{ architecture: Architecture }>(
      { name: "simulation-architecture", text: "select architecture from simulations where id = $1" },
      [id],
    );
    return row?.architecture;
  }

  async countUnfinished(userId: string): Promise<number> {
    const [row] = await this.#database.query<{ count: number }>(
      {
        name: "simulation-count-unfinished",
        text: `select count(*)::integer as count from simulations where created_by = $1 and ${unfinished}`,
      },
      [userId],
    );
    return row?.count ?? 0;
  }

  async results(id: string): Promise<Results | undefined> {
    const [row] = await this.#database.query<{ results: Results | null }>(
      { name: "simulation-results", text: "select results from simulations where id = $1" },
      [id],
    );
    return row?.results ?? undefined;
  }

  async list(projectId: string, pageSize: number, after: string | undefined): Promise<Page<Simulation>> {
    const [createdAt, id] = decodePageToken(after, ["moment", "id"]) ?? [null, null];
    const rows = await this.#database.query<SimulationRow & { created_text: string }>(
      {
        name: "simulation-list",
        text: `select ${columns}, to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_text
               from simulations
               where project_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3))
               order by created_at desc, id desc limit $4`,
      },
      [projectId, createdAt, id, pageSize + 1],
    );
    const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
    return {
      items: rows.slice(0, pageSize).map(simulationFrom),
      next: last === undefined ? undefined : encodePageToken([last.created_text, last.id]),
    };
  }

  async claim(runner: string, atMs: number): Promise<RunnableSimulation | undefined> {
    const [row] = await this.#database.query<RunnableRow>(
      {
        name: "simulation-claim",
        text: `with claimed as (
                 update simulations set status = 'RUNNING', runner = $1, runner_seen_at = now(), attempts = attempts + 1,
                        simulated_seconds = 0, started_at = coalesce(started_at, $2)
                 where id = (
                   select id from simulations waiting where status = 'PENDING'
                   order by (select count(*) from simulations busy
                             where busy.created_by = waiting.created_by and busy.status in ('RUNNING', 'PAUSED')),
                            created_at, id
                   limit 1 for update of waiting skip locked)
                 returning ${columns}, architecture, changes
               ), cleared as (
                 delete from simulation_metrics where simulation_id in (select id from claimed)
               )
               select *, ${liveChangesOfClaimed} as live_changes from claimed`,
      },
      [runner, new Date(atMs)],
    );
    if (row === undefined) {
      return undefined;
    }
    const { architecture, changes, live_changes: liveChanges } = row;
    return { ...simulationFrom(row), architecture, changes, liveChanges: liveChanges.map(liveChangeFrom) };
  }

  async heartbeat(
    runner: string,
    progress: readonly { id: string; simulatedSeconds: number }[],
  ): Promise<readonly { id: string; load: number; hasWaitingChanges: boolean }[]> {
    return this.#database.query<{ id: string; load: number; hasWaitingChanges: boolean }>(
      {
        name: "simulation-heartbeat",
        text: `update simulations s
               set runner_seen_at = now(),
                   simulated_seconds = case when ${unfinished} then p.seconds else s.simulated_seconds end
               from unnest($2::text[], $3::float8[]) as p (id, seconds)
               where s.id = p.id and s.runner = $1 returning s.id, s.load, ${hasWaitingChanges} as "hasWaitingChanges"`,
      },
      [runner, progress.map(({ id }) => id), progress.map(({ simulatedSeconds }) => simulatedSeconds)],
    );
  }

  async releaseSilent(silenceMs: number, maxAttempts: number, atMs: number): Promise<readonly Simulation[]> {
    const rows = await this.#database.query<SimulationRow>(
      {
        name: "simulation-release-silent",
        text: `update simulations
               set status = case when attempts >= $2 then 'FAILED' else 'PENDING' end,
                   runner = null,
                   failure_reason = case when attempts >= $2 then 'the instance that ran it was lost ' || attempts || ' times' else '' end,
                   finished_at = case when attempts >= $2 then $3::timestamptz end
               where status in ('RUNNING', 'PAUSED') and runner_seen_at < now() - $1::float8 * interval '1 millisecond'
               returning ${columns}`,
      },
      [silenceMs, maxAttempts, new Date(atMs)],
    );
    return rows.map(simulationFrom);
  }

  async release(ids: readonly string[], runner: string): Promise<void> {
    await this.#database.query(
      {
        name: "simulation-release",
        // Giving back is not failing: the attempt does not count.
        text: `update simulations set status = 'PENDING', runner = null, attempts = greatest(0, attempts - 1)
               where id = any($1) and runner = $2 and status in ('RUNNING', 'PAUSED')`,
      },
      [[...ids], runner],
    );
  }

  async setStatus(id: string, runner: string, status: "RUNNING" | "PAUSED"): Promise<void> {
    await this.#database.query(
      {
        name: "simulation-status",
        text: "update simulations set status = $3 where id = $1 and runner = $2 and status in ('RUNNING', 'PAUSED')",
      },
      [id, runner, status],
    );
  }

  async setLoad(id: string, load: number): Promise<boolean> {
    const rows = await this.#database.query(
      {
        name: "simulation-load",
        text: `update simulations set load = $2 where id = $1 and ${unfinished} returning id`,
      },
      [id, load],
    );
    return rows.length === 1;
  }

  addChange(id: string, change: Change, most: number): Promise<number | undefined> {
    return addChange(this.#database, unfinished, [id, change, most]);
  }

  changeOutcome(id: string, number: number): Promise<ChangeOutcome | undefined> {
    return changeOutcome(this.#database, id, number);
  }

  waitingChanges(id: string, runner: string): Promise<readonly LiveChange[]> {
    return waitingChanges(this.#database, id, runner);
  }

  settleChange(id: string, runner: string, number: number, outcome: ChangeOutcome): Promise<void> {
    return settleChange(this.#database, [id, runner, number], outcome);
  }

  async finish(
    id: string,
    runner: string,
    end: {
      status: Status;
      simulatedSeconds: number;
      failureReason: string;
      results: Results | undefined;
      atMs: number;
    },
  ): Promise<boolean> {
    const rows = await this.#database.query(
      {
        name: "simulation-finish",
        text: `update simulations set status = $3, simulated_seconds = $4, failure_reason = $5, results = $6, finished_at = $7
               where id = $1 and runner = $2 returning id`,
      },
      [
        id,
        runner,
        end.status,
        end.simulatedSeconds,
        end.failureReason,
        end.results === undefined ? null : JSON.stringify(end.results),
        new Date(end.atMs),
      ],
    );
    return rows.length === 1;
  }

  async cancelPending(id: string, atMs: number): Promise<boolean> {
    const rows = await this.#database.query(
      {
        name: "simulation-cancel",
        text: "update simulations set status = 'STOPPED', finished_at = $2 where id = $1 and status = 'PENDING' returning id",
      },
      [id, new Date(atMs)],
    );
    return rows.length === 1;
  }

  async addMetrics(id: string, runner: string, points: readonly MetricPoint[]): Promise<void> {
    if (points.length === 0) {
      return;
    }
    const column = (read: (point: MetricPoint) => unknown): unknown[] => points.map(read);
    await this.#database.query(
      {
        name: "metrics-insert",
        text: `insert into simulation_metrics (simulation_id, component, simulated_seconds, requests_per_second,
                      failures_per_second, utilization, queue_length, p50_ms, p99_ms, p95_ms, goodput_per_second)
               select held.id, points.*
               from (select id from simulations where id = $1 and runner = $12 for key share) held,
                    unnest($2::text[], $3::float8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::float8[],
                           $9::float8[], $10::float8[], $11::float8[]) points
               on conflict do nothing`,
      },
      [
        id,
        column((point) => point.component),
        column((point) => point.simulatedSeconds),
        column((point) => point.requestsPerSecond),
        column((point) => point.failuresPerSecond),
        column((point) => point.utilization),
        column((point) => point.queueLength),
        column((point) => point.p50Ms),
        column((point) => point.p99Ms),
        column((point) => point.p95Ms ?? null),
        column((point) => point.goodputPerSecond ?? null),
        runner,
      ],
    );
  }

  async metrics(id: string, component: string): Promise<readonly MetricPoint[]> {
    const rows = await this.#database.query<MetricRow>(
      {
        name: "metrics-read",
        text: `select component, simulated_seconds as "simulatedSeconds", requests_per_second as "requestsPerSecond",
                      failures_per_second as "failuresPerSecond", utilization, queue_length as "queueLength",
                      p50_ms as "p50Ms", p99_ms as "p99Ms", p95_ms as "p95Ms", goodput_per_second as "goodputPerSecond"
               from simulation_metrics where simulation_id = $1 and component = $2 order by simulated_seconds`,
      },
      [id, component],
    );
    return rows.map(({ p95Ms, goodputPerSecond, ...point }) => ({
      ...point,
      p95Ms: p95Ms ?? undefined,
      goodputPerSecond: goodputPerSecond ?? undefined,
    }));
  }

  async removeFinishedBefore(atMs: number, most: number): Promise<number> {
    const rows = await this.#database.query(
      {
        name: "simulation-expire",
        text: `delete from simulations where id in (
                 select id from simulations where finished_at < $1 order by finished_at limit $2 for update skip locked
               ) returning id`,
      },
      [new Date(atMs), most],
    );
    return rows.length;
  }

  /** Instances that do this at once agree: what one removes is beyond the newest of the others' too. */
  async removeFinishedBeyond(keptPerProject: number, most: number): Promise<number> {
    const rows = await this.#database.query(
      {
        name: "simulation-trim",
        text: `delete from simulations where id in (
                 select id from simulations where id in (
                   select id from (
                     select id, row_number() over (partition by project_id order by finished_at desc, id desc) as newest
                     from simulations where finished_at is not null
                   ) ranked where newest > $1 limit $2
                 ) for update skip locked
               ) returning id`,
      },
      [keptPerProject, most],
    );
    return rows.length;
  }

  async unfinishedProjects(): Promise<readonly string[]> {
    const rows = await this.#database.query<{ project_id: string }>({
      name: "simulation-unfinished-projects",
      text: `select distinct project_id from simulations where ${unfinished}`,
    });
    return rows.map((row) => row.project_id);
  }

  async stopOfProject(projectId: string, reason: string, atMs: number): Promise<readonly Simulation[]> {
    const rows = await this.#database.query<SimulationRow>(
      {
        name: "simulation-stop-of-project",
        text: `update simulations set status = 'STOPPED', runner = null, failure_reason = $2, finished_at = $3
               where project_id = $1 and ${unfinished} returning ${columns}`,
      },
      [projectId, reason, new Date(atMs)],
    );
    return rows.map(simulationFrom);
  }
}

/** As the partial index says it. */
const unfinished = "status in ('PENDING', 'RUNNING', 'PAUSED')";

const columns = `id, project_id, project_version, status, duration_seconds, seed, speed, load, simulated_seconds,
  failure_reason, created_by, created_at, started_at, finished_at`;

type MetricRow = Omit<MetricPoint, "p95Ms" | "goodputPerSecond"> & {
  readonly p95Ms: number | null;
  readonly goodputPerSecond: number | null;
};

interface SimulationRow {
  readonly id: string;
  readonly project_id: string;
  readonly project_version: number;
  readonly status: Status;
  readonly duration_seconds: number;
  /** A bigint arrives as text; seeds are unsigned 32-bit numbers. */
  readonly seed: string;
  readonly speed: number;
  readonly load: number;
  readonly simulated_seconds: number;
  readonly failure_reason: string;
  readonly created_by: string;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

interface RunnableRow extends SimulationRow {
  readonly architecture: Architecture;
  readonly changes: readonly PlannedChange[];
  readonly live_changes: readonly LiveChangeRow[];
}

function simulationFrom(row: SimulationRow): Simulation {
  return {
    id: row.id,
    projectId: row.project_id,
    projectVersion: row.project_version,
    status: row.status,
    durationSeconds: row.duration_seconds,
    seed: Number(row.seed),
    speed: row.speed,
    load: row.load,
    simulatedSeconds: row.simulated_seconds,
    failureReason: row.failure_reason,
    createdBy: row.created_by,
    createdAtMs: row.created_at.getTime(),
    startedAtMs: row.started_at?.getTime(),
    finishedAtMs: row.finished_at?.getTime(),
  };
}
