/**
 * The ports of studies in memory, for their tests: a store that several runners share, and an engine whose studies do what a
 * test tells them. Operations of the store named in `away` fail as those of an absent database do, those in `refusing` as
 * those of one that will not take what it is given.
 */
import { AwayError } from "../lifecycle/memory-ports.ts";
import type { StudyEngine, StudyStore } from "./ports.ts";
import { hasEnded, type RunnableStudy, type StudyEnd, type StudyProgress, type StudyTask } from "./study.ts";

interface StoredStudy extends RunnableStudy {
  readonly runner: string | undefined;
  readonly seenAtMs: number;
  readonly attempts: number;
  readonly result: string | undefined;
  readonly report: string | undefined;
}

export interface MemoryStudyStore extends StudyStore {
  readonly rows: Map<string, StoredStudy>;
  readonly away: Set<keyof StudyStore>;
  readonly refusing: Set<string>;
}

export function createMemoryStudyStore(now: () => number): MemoryStudyStore {
  const rows = new Map<string, StoredStudy>();
  const away = new Set<keyof StudyStore>();
  const refusing = new Set<string>();

  async function enter(operation: keyof StudyStore): Promise<void> {
    // As a database: never at once.
    await Promise.resolve();
    if (away.has(operation)) throw new AwayError(`away: ${operation}`);
  }
  const put = (id: string, change: Partial<StoredStudy>) =>
    rows.set(id, { ...(rows.get(id) as StoredStudy), ...change });
  const all = () => [...rows.values()];
  const isHeld = (id: string, runner: string) => rows.get(id)?.runner === runner;
  const goesOn = (id: string, runner: string) => isHeld(id, runner) && rows.get(id)?.status === "RUNNING";

  return {
    rows,
    away,
    refusing,
    create: async (study) => {
      await enter("create");
      const fresh = { runner: undefined, seenAtMs: 0, attempts: 0, result: undefined, report: undefined };
      rows.set(study.id, { ...study, ...fresh });
    },
    find: async (id) => rows.get(id),
    list: async (projectId) => ({ items: all().filter((row) => row.projectId === projectId), next: undefined }),
    countUnfinished: async (userId) =>
      all().filter(({ createdBy, status }) => createdBy === userId && !hasEnded(status)).length,
    result: async (id) => rows.get(id)?.result,
    report: async (id) => rows.get(id)?.report,
    claim: async (runner) => {
      await enter("claim");
      const waiting = all().find(({ status }) => status === "PENDING");
      if (waiting === undefined) return undefined;
      put(waiting.id, { status: "RUNNING", runner, seenAtMs: now(), attempts: waiting.attempts + 1, progress: 0 });
      return rows.get(waiting.id);
    },
    heartbeat: async (runner, progress) => {
      await enter("heartbeat");
      const still = progress.filter(({ id }) => isHeld(id, runner));
      for (const { id, ...rest } of still) put(id, { seenAtMs: now(), ...(goesOn(id, runner) ? rest : {}) });
      return still.map(({ id }) => id);
    },
    releaseSilent: async (silenceMs, maxAttempts, atMs) => {
      await enter("releaseSilent");
      const silent = all().filter(({ status, seenAtMs }) => status === "RUNNING" && seenAtMs < now() - silenceMs);
      for (const { id, attempts } of silent) {
        const failed = attempts >= maxAttempts;
        const end = failed ? { finishedAtMs: atMs, failureReason: `lost ${attempts} times` } : {};
        put(id, { status: failed ? "FAILED" : "PENDING", runner: undefined, ...end });
      }
      return silent.some(({ id }) => rows.get(id)?.status === "PENDING");
    },
    release: async (ids, runner) => {
      await enter("release");
      for (const id of ids) {
        if (goesOn(id, runner)) put(id, { status: "PENDING", runner: undefined });
      }
    },
    finish: async (id, runner, end, atMs) => {
      await enter("finish");
      if (refusing.has(end.status)) throw new Error(`refused: ${end.status}`);
      if (!isHeld(id, runner)) return false;
      put(id, {
        status: end.status,
        finishedAtMs: atMs,
        failureReason: end.status === "FAILED" ? end.error : "",
        result: end.status === "COMPLETED" ? end.resultJson : undefined,
        report: end.status === "COMPLETED" ? end.report : undefined,
      });
      return true;
    },
    cancelPending: async (id, atMs) => {
      if (rows.get(id)?.status !== "PENDING") return false;
      put(id, { status: "CANCELLED", finishedAtMs: atMs });
      return true;
    },
    removeFinishedBefore: async () => 0,
    removeFinishedBeyond: async () => 0,
    unfinishedProjects: async () => [
      ...new Set(
        all()
          .filter(({ status }) => !hasEnded(status))
          .map(({ projectId }) => projectId),
      ),
    ],
    cancelOfProject: async (projectId, reason, atMs) => {
      for (const { id, status } of all().filter((row) => row.projectId === projectId)) {
        if (hasEnded(status)) continue;
        put(id, { status: "CANCELLED", runner: undefined, failureReason: reason, finishedAtMs: atMs });
      }
    },
  };
}

/** One study of the engine, as a test drives it. */
export interface ScriptedStudy {
  readonly task: StudyTask;
  readonly isCancelled: boolean;
  progress(progress: StudyProgress): void;
  end(end: StudyEnd): void;
}

/** Studies in the order in which they were started. */
export function createScriptedStudyEngine(): Pick<StudyEngine, "start"> & {
  readonly studies: ScriptedStudy[];
  failing: Error | undefined;
} {
  const studies: ScriptedStudy[] = [];
  const engine = {
    studies,
    failing: undefined as Error | undefined,
    start: ((task, { onProgress, onEnd }) => {
      if (engine.failing !== undefined) throw engine.failing;
      const study = { task, isCancelled: false, progress: onProgress, end: onEnd };
      studies.push(study);
      return {
        cancel: () => {
          study.isCancelled = true;
        },
      };
    }) satisfies StudyEngine["start"] as StudyEngine["start"],
  };
  return engine;
}

export function sampleStudy(id: string, changes: Partial<RunnableStudy> = {}): RunnableStudy {
  const subject = { name: "shop", architecture: { components: [], links: [], workloads: [] } };
  return {
    id,
    projectId: "p1",
    projectVersion: 1,
    question: "run",
    task: { spec: { question: { kind: "run" }, settings: [] }, subject },
    status: "PENDING",
    progress: 0,
    phase: "",
    failureReason: "",
    createdBy: "u1",
    createdAtMs: 0,
    startedAtMs: undefined,
    finishedAtMs: undefined,
    ...changes,
  };
}
