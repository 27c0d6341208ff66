import type { Database } from "@weft/mesh";
import type { Page } from "../domain/lifecycle/ports.ts";
import type { StudyStore } from "../domain/studies/ports.ts";
import type { RunnableStudy, Study, StudyEnd, StudyProgress, StudyStatus, StudyTask } from "../domain/studies/study.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";

/**
 * Studies in PostgreSQL, kept as simulations are (postgres-simulation-store.ts): a row names the instance that runs it,
 * every write of a run is guarded by that name, and what is silent is judged by the clock here.
 */
export class PostgresStudyStore implements StudyStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async create(study: RunnableStudy): Promise<void> {
    await this.#database.query(
      {
        name: "study-insert",
        text: `insert into studies (id, project_id, project_version, question, task, status, created_by, created_at)
               values ($1, $2, $3, $4, $5, 'PENDING', $6, $7)`,
      },
      [
        study.id,
        study.projectId,
        study.projectVersion,
        study.question,
        JSON.stringify(study.task),
        study.createdBy,
        new Date(study.createdAtMs),
      ],
    );
  }

  async find(id: string): Promise<Study | undefined> {
    const [row] = await this.#database.query<StudyRow>(
      { name: "study-find", text: `select ${columns} from studies where id = $1` },
      [id],
    );
    return row === undefined ? undefined : studyFrom(row);
  }

  async list(projectId: string, pageSize: number, after: string | undefined): Promise<Page<Study>> {
    const [createdAt, id] = decodePageToken(after, ["moment", "id"]) ?? [null, null];
    const rows = await this.#database.query<StudyRow & { created_text: string }>(
      {
        name: "study-list",
        text: `select ${columns}, to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_text
               from studies
               where project_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2::timestamptz, $3))
               order by created_at desc, id desc limit $4`,
      },
      [projectId, createdAt, id, pageSize + 1],
    );
    const last = rows.length > pageSize ? rows[pageSize - 1] : undefined;
    return {
      items: rows.slice(0, pageSize).map(studyFrom),
      next: last === undefined ? undefined : encodePageToken([last.created_text, last.id]),
    };
  }

  async countUnfinished(userId: string): Promise<number> {
    const [row] = await this.#database.query<{ count: number }>(
      {
        name: "study-count-unfinished",
        text: `select count(*)::integer as count from studies where created_by = $1 and ${unfinished}`,
      },
      [userId],
    );
    return row?.count ?? 0;
  }

  async result(id: string): Promise<string | undefined> {
    const [row] = await this.#database.query<{ result: string | null }>(
      { name: "study-result", text: "select result from studies where id = $1" },
      [id],
    );
    return row?.result ?? undefined;
  }

  async report(id: string): Promise<string | undefined> {
    const [row] = await this.#database.query<{ report: string | null }>(
      { name: "study-report", text: "select report from studies where id = $1" },
      [id],
    );
    return row?.report ?? undefined;
  }

  async claim(runner: string, atMs: number): Promise<RunnableStudy | undefined> {
    const [row] = await this.#database.query<StudyRow & { task: string }>(
      {
        name: "study-claim",
        text: `update studies set status = 'RUNNING', runner = $1, runner_seen_at = now(), attempts = attempts + 1,
                      progress = 0, phase = '', started_at = coalesce(started_at, $2)
               where id = (
                 select id from studies waiting where status = 'PENDING'
                 order by (select count(*) from studies busy
                           where busy.created_by = waiting.created_by and busy.status = 'RUNNING'),
                          created_at, id
                 limit 1 for update of waiting skip locked)
               returning ${columns}, task`,
      },
      [runner, new Date(atMs)],
    );
    return row === undefined ? undefined : { ...studyFrom(row), task: JSON.parse(row.task) as StudyTask };
  }

  async heartbeat(runner: string, progress: readonly ({ id: string } & StudyProgress)[]): Promise<readonly string[]> {
    const rows = await this.#database.query<{ id: string }>(
      {
        name: "study-heartbeat",
        text: `update studies s
               set runner_seen_at = now(),
                   progress = case when ${unfinished} then p.share else s.progress end,
                   phase = case when ${unfinished} then p.words else s.phase end
               from unnest($2::text[], $3::float8[], $4::text[]) as p (id, share, words)
               where s.id = p.id and s.runner = $1 returning s.id`,
      },
      [
        runner,
        progress.map(({ id }) => id),
        progress.map((one) => one.progress),
        progress.map(({ phase }) => storable(phase)),
      ],
    );
    return rows.map(({ id }) => id);
  }

  async releaseSilent(silenceMs: number, maxAttempts: number, atMs: number): Promise<boolean> {
    const rows = await this.#database.query<{ status: StudyStatus }>(
      {
        name: "study-release-silent",
        text: `update studies
               set status = case when attempts >= $2 then 'FAILED' else 'PENDING' end,
                   runner = null,
                   failure_reason = case when attempts >= $2 then 'the instance that ran it was lost ' || attempts || ' times' else '' end,
                   finished_at = case when attempts >= $2 then $3::timestamptz end
               where status = 'RUNNING' and runner_seen_at < now() - $1::float8 * interval '1 millisecond'
               returning status`,
      },
      [silenceMs, maxAttempts, new Date(atMs)],
    );
    return rows.some(({ status }) => status === "PENDING");
  }

  async release(ids: readonly string[], runner: string): Promise<void> {
    await this.#database.query(
      {
        name: "study-release",
        // Giving back is not failing: the attempt does not count.
        text: `update studies set status = 'PENDING', runner = null, attempts = greatest(0, attempts - 1)
               where id = any($1) and runner = $2 and status = 'RUNNING'`,
      },
      [[...ids], runner],
    );
  }

  async finish(id: string, runner: string, end: StudyEnd, atMs: number): Promise<boolean> {
    const completed = end.status === "COMPLETED" ? end : undefined;
    const rows = await this.#database.query(
      {
        name: "study-finish",
        text: `update studies set status = $3, failure_reason = $4, result = $5, report = $6, finished_at = $7,
                      progress = case when $3 = 'COMPLETED' then 1 else progress end,
                      phase = case when $3 = 'COMPLETED' then '' else phase end
               where id = $1 and runner = $2 returning id`,
      },
      [
        id,
        runner,
        end.status,
        end.status === "FAILED" ? storable(end.error) : "",
        completed?.resultJson ?? null,
        completed?.report === undefined ? null : storable(completed.report),
        new Date(atMs),
      ],
    );
    return rows.length === 1;
  }

  async cancelPending(id: string, atMs: number): Promise<boolean> {
    const rows = await this.#database.query(
      {
        name: "study-cancel",
        text: "update studies set status = 'CANCELLED', finished_at = $2 where id = $1 and status = 'PENDING' returning id",
      },
      [id, new Date(atMs)],
    );
    return rows.length === 1;
  }

  async removeFinishedBefore(atMs: number, most: number): Promise<number> {
    const rows = await this.#database.query(
      {
        name: "study-expire",
        text: `delete from studies where id in (
                 select id from studies where finished_at < $1 order by finished_at limit $2 for update skip locked
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
        name: "study-trim",
        text: `delete from studies where id in (
                 select id from studies where id in (
                   select id from (
                     select id, row_number() over (partition by project_id order by finished_at desc, id desc) as newest
                     from studies where finished_at is not null
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
      name: "study-unfinished-projects",
      text: `select distinct project_id from studies where ${unfinished}`,
    });
    return rows.map((row) => row.project_id);
  }

  async cancelOfProject(projectId: string, reason: string, atMs: number): Promise<void> {
    await this.#database.query(
      {
        name: "study-cancel-of-project",
        text: `update studies set status = 'CANCELLED', runner = null, failure_reason = $2, finished_at = $3
               where project_id = $1 and ${unfinished}`,
      },
      [projectId, reason, new Date(atMs)],
    );
  }
}

/** As the partial index says it. */
const unfinished = "status in ('PENDING', 'RUNNING')";

const columns = `id, project_id, project_version, question, status, progress, phase, failure_reason, created_by, created_at,
  started_at, finished_at`;

/** PostgreSQL has no NUL in texts, and a name in an architecture may. */
function storable(text: string): string {
  return text.replaceAll("\0", "\uFFFD");
}

interface StudyRow {
  readonly id: string;
  readonly project_id: string;
  readonly project_version: number;
  readonly question: Study["question"];
  readonly status: StudyStatus;
  readonly progress: number;
  readonly phase: string;
  readonly failure_reason: string;
  readonly created_by: string;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
}

function studyFrom(row: StudyRow): Study {
  return {
    id: row.id,
    projectId: row.project_id,
    projectVersion: row.project_version,
    question: row.question,
    status: row.status,
    progress: row.progress,
    phase: row.phase,
    failureReason: row.failure_reason,
    createdBy: row.created_by,
    createdAtMs: row.created_at.getTime(),
    startedAtMs: row.started_at?.getTime(),
    finishedAtMs: row.finished_at?.getTime(),
  };
}
