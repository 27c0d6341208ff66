/**
 * The ports of the simulation lifecycle in memory, for its tests: a store that several runners share, an engine whose runs
 * do what a test tells them, and notices that arrive at once. Operations of the store named in `away` fail as those of an
 * absent database do, those in `refusing` as those of one that will not take what it is given.
 */
import type { Change, Frame, Results } from "@weft/simulator";
import { emptyFrame } from "./empty-frame.ts";
import type { MetricPoint } from "./metric-series.ts";
import type {
  ChangeOutcome,
  Control,
  ControlMessage,
  Engine,
  FrameFeed,
  LiveChange,
  RunEnd,
  RunnableSimulation,
  Simulation,
  SimulationStore,
} from "./ports.ts";
import { hasEnded, type Status } from "./transitions.ts";

export class AwayError extends Error {}

interface StoredSimulation extends RunnableSimulation {
  readonly runner: string | undefined;
  readonly seenAtMs: number;
  readonly attempts: number;
  readonly results: Results | undefined;
  readonly refusals: ReadonlyMap<number, string>;
}

export interface MemoryStore extends SimulationStore {
  readonly rows: Map<string, StoredSimulation>;
  readonly points: Map<string, MetricPoint[]>;
  readonly away: Set<keyof SimulationStore>;
  readonly refusing: Set<keyof SimulationStore>;
  /** Operations in the order in which they came. */
  readonly log: (keyof SimulationStore)[];
}

export function createMemoryStore(now: () => number): MemoryStore {
  const rows = new Map<string, StoredSimulation>();
  const points = new Map<string, MetricPoint[]>();
  const away = new Set<keyof SimulationStore>();
  const refusing = new Set<keyof SimulationStore>();
  const log: (keyof SimulationStore)[] = [];

  async function enter(operation: keyof SimulationStore): Promise<void> {
    log.push(operation);
    // As a database: never at once.
    await Promise.resolve();
    if (away.has(operation)) throw new AwayError(`away: ${operation}`);
    if (refusing.has(operation)) throw new Error(`refused: ${operation}`);
  }
  const put = (id: string, change: Partial<StoredSimulation>) =>
    rows.set(id, { ...(rows.get(id) as StoredSimulation), ...change });
  const waitingOf = (id: string): LiveChange[] => {
    const { liveChanges = [], refusals } = rows.get(id) ?? {};
    return liveChanges.filter(({ number, atMs }) => atMs === undefined && refusals?.has(number) !== true);
  };
  const held = (id: string, runner: string) => rows.get(id)?.runner === runner;
  const goesOn = (id: string, runner: string) =>
    held(id, runner) && ["RUNNING", "PAUSED"].includes(rows.get(id)?.status ?? "");

  return {
    rows,
    points,
    away,
    refusing,
    log,
    create: async (simulation) => {
      await enter("create");
      rows.set(simulation.id, {
        ...simulation,
        runner: undefined,
        seenAtMs: 0,
        attempts: 0,
        results: undefined,
        refusals: new Map(),
      });
    },
    find: async (id) => rows.get(id),
    architecture: async (id) => rows.get(id)?.architecture,
    countUnfinished: async (userId) =>
      [...rows.values()].filter(({ createdBy, status }) => createdBy === userId && !hasEnded(status)).length,
    results: async (id) => rows.get(id)?.results,
    list: async (projectId) => ({
      items: [...rows.values()].filter((row) => row.projectId === projectId),
      next: undefined,
    }),
    claim: async (runner) => {
      await enter("claim");
      const waiting = [...rows.values()].find(({ status }) => status === "PENDING");
      if (waiting === undefined) return undefined;
      points.delete(waiting.id);
      put(waiting.id, {
        status: "RUNNING",
        runner,
        seenAtMs: now(),
        attempts: waiting.attempts + 1,
        simulatedSeconds: 0,
      });
      const { refusals, liveChanges, ...rest } = rows.get(waiting.id) as StoredSimulation;
      return { ...rest, liveChanges: liveChanges.filter(({ number }) => !refusals.has(number)) };
    },
    heartbeat: async (runner, progress) => {
      await enter("heartbeat");
      const still = progress.filter(({ id }) => held(id, runner));
      for (const { id, simulatedSeconds } of still) {
        put(id, { seenAtMs: now(), ...(goesOn(id, runner) ? { simulatedSeconds } : {}) });
      }
      return still.map(({ id }) => ({
        id,
        load: rows.get(id)?.load ?? 0,
        hasWaitingChanges: waitingOf(id).length > 0,
      }));
    },
    releaseSilent: async (silenceMs, maxAttempts, atMs) => {
      await enter("releaseSilent");
      const silent = [...rows.values()].filter(
        ({ status, seenAtMs }) => ["RUNNING", "PAUSED"].includes(status) && seenAtMs < now() - silenceMs,
      );
      for (const { id, attempts } of silent) {
        const failed = attempts >= maxAttempts;
        const end = failed ? { finishedAtMs: atMs, failureReason: `lost ${attempts} times` } : {};
        put(id, { status: failed ? "FAILED" : "PENDING", runner: undefined, ...end });
      }
      return silent.map(({ id }) => rows.get(id) as Simulation);
    },
    release: async (ids, runner) => {
      await enter("release");
      for (const id of ids) {
        if (goesOn(id, runner)) {
          put(id, { status: "PENDING", runner: undefined, attempts: (rows.get(id)?.attempts ?? 1) - 1 });
        }
      }
    },
    setStatus: async (id, runner, status) => {
      await enter("setStatus");
      if (goesOn(id, runner)) put(id, { status });
    },
    setLoad: async (id, load) => {
      if (hasEnded(rows.get(id)?.status ?? "FAILED")) return false;
      put(id, { load });
      return true;
    },
    addChange: async (id, change, most) => {
      const { status = "FAILED", liveChanges = [] } = rows.get(id) ?? {};
      if (hasEnded(status) || liveChanges.length >= most) return undefined;
      const number = liveChanges.length + 1;
      put(id, { liveChanges: [...liveChanges, { number, change, atMs: undefined }] });
      return number;
    },
    changeOutcome: async (id, number) => {
      const { liveChanges = [], refusals } = rows.get(id) ?? {};
      const refusal = refusals?.get(number);
      const atMs = liveChanges.find((one) => one.number === number)?.atMs;
      return refusal !== undefined ? { refusal } : atMs === undefined ? undefined : { atMs };
    },
    waitingChanges: async (id, runner) => {
      await enter("waitingChanges");
      return goesOn(id, runner) ? waitingOf(id) : [];
    },
    settleChange: async (id, runner, number, outcome) => {
      await enter("settleChange");
      const row = rows.get(id);
      if (row === undefined || !held(id, runner)) return;
      if (!waitingOf(id).some((one) => one.number === number)) return;
      if ("refusal" in outcome) put(id, { refusals: new Map([...row.refusals, [number, outcome.refusal]]) });
      else {
        const settled = (one: LiveChange) => (one.number === number ? { ...one, atMs: outcome.atMs } : one);
        put(id, { liveChanges: row.liveChanges.map(settled) });
      }
    },
    finish: async (id, runner, { status, simulatedSeconds, failureReason, results, atMs }) => {
      await enter("finish");
      if (!held(id, runner)) return false;
      put(id, { status, simulatedSeconds, failureReason, results, finishedAtMs: atMs });
      return true;
    },
    cancelPending: async (id, atMs) => {
      if (rows.get(id)?.status !== "PENDING") return false;
      put(id, { status: "STOPPED", finishedAtMs: atMs });
      return true;
    },
    addMetrics: async (id, runner, added) => {
      await enter("addMetrics");
      if (held(id, runner)) points.set(id, [...(points.get(id) ?? []), ...added]);
    },
    metrics: async (id, component) => (points.get(id) ?? []).filter((point) => point.component === component),
    removeFinishedBefore: async () => 0,
    removeFinishedBeyond: async () => 0,
    unfinishedProjects: async () => [
      ...new Set([...rows.values()].filter(({ status }) => !hasEnded(status)).map(({ projectId }) => projectId)),
    ],
    stopOfProject: async (projectId, reason, atMs) => {
      const stopped = [...rows.values()].filter((row) => row.projectId === projectId && !hasEnded(row.status));
      for (const { id } of stopped) {
        put(id, { status: "STOPPED", runner: undefined, failureReason: reason, finishedAtMs: atMs });
      }
      return stopped.map(({ id }) => rows.get(id) as Simulation);
    },
  };
}

/** Notices between all who share it; those of a kind named in `losing` are lost. */
export function createMemoryControl(): Control & { readonly losing: Set<string> } {
  const commands: ((message: ControlMessage) => void)[] = [];
  const pending: (() => void)[] = [];
  const losing = new Set<string>();
  return {
    losing,
    send: async (message) => {
      if (losing.has(message.command)) return;
      for (const listener of commands) listener(message);
    },
    onCommand: (listener) => void commands.push(listener),
    onPending: (listener) => void pending.push(listener),
    announcePending: async () => {
      for (const listener of pending) listener();
    },
  };
}

/** One run of the engine, as a test drives it. */
export interface ScriptedRun {
  readonly simulation: RunnableSimulation;
  readonly calls: string[];
  frame(simulatedMs: number, load?: number): void;
  settle(number: number, outcome: ChangeOutcome): void;
  end(end: RunEnd): void;
}

/** Runs in the order in which they started; stopping one ends it as STOPPED, as the real one does. */
export function createScriptedEngine(): Engine & { readonly runs: ScriptedRun[]; failing: Error | undefined } {
  const runs: ScriptedRun[] = [];
  const engine = {
    runs,
    failing: undefined as Error | undefined,
    check: () => undefined,
    checkChange: () => undefined,
    start: ((simulation, { onFrame, onChange, onEnd }) => {
      if (engine.failing !== undefined) throw engine.failing;
      const calls: string[] = [];
      runs.push({
        simulation,
        calls,
        frame: (simulatedMs, load = simulation.load) => onFrame({ ...emptyFrame(simulation), simulatedMs, load }),
        settle: onChange,
        end: onEnd,
      });
      return {
        pause: () => void calls.push("pause"),
        resume: () => void calls.push("resume"),
        stop: () => {
          calls.push("stop");
          onEnd({ status: "STOPPED", results: sampleResults(0) });
        },
        setLoad: (load) => {
          calls.push(`load ${load}`);
          if (load > 100) throw new Error("too much load");
        },
        apply: (number, change) => void calls.push(`apply ${number} ${nameOf(change)}`),
      };
    }) satisfies Engine["start"] as Engine["start"],
  };
  return engine;
}

function nameOf(change: Change): string {
  return `${change.kind}${"component" in change ? ` ${change.component}` : ""}`;
}

export function createMemoryFeed(): FrameFeed & { readonly shown: { id: string; status: Status; frame: Frame }[] } {
  const shown: { id: string; status: Status; frame: Frame }[] = [];
  return {
    shown,
    publish: ({ id }, status, frame) => void shown.push({ id, status, frame }),
    publishTraces: () => undefined,
  };
}

export function sampleSimulation(id: string, changes: Partial<RunnableSimulation> = {}): RunnableSimulation {
  return {
    id,
    projectId: "p1",
    projectVersion: 1,
    architecture: { components: [], links: [], workloads: [] },
    changes: [],
    liveChanges: [],
    status: "PENDING",
    durationSeconds: 10,
    seed: 1,
    speed: 1,
    load: 1,
    simulatedSeconds: 0,
    failureReason: "",
    createdBy: "u1",
    createdAtMs: 0,
    startedAtMs: undefined,
    finishedAtMs: undefined,
    ...changes,
  };
}

export function sampleResults(simulatedMs: number): Results {
  return {
    simulatedMs,
    warmupMs: 0,
    events: 1,
    completed: 1,
    failed: 0,
    inFlight: 0,
    throughputPerSecond: 1,
    latency: { meanMs: 1, p50Ms: 1, p90Ms: 1, p95Ms: 1, p99Ms: 1, p999Ms: 1, maxMs: 1 },
    goodputPerSecond: 1,
    goodputRatio: 1,
    errorRatio: 0,
    components: [],
    bottlenecks: [],
    seed: 1,
    loadChanges: [{ simulatedMs: 0, load: 1 }],
    changes: [],
    eventTraceHash: "",
  };
}
