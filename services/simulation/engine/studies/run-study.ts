import {
  decideReplications,
  detectWarmup,
  type Estimate,
  makeStudy,
  meanInterval,
  type ReplicationOutcome,
  replicationSeed,
  type Study,
} from "../src/index.ts";
import type { ReplicationPool } from "./replication-pool.ts";

/*
 * The replications of one study: pilots first when the warm-up is to be found, then all with the same warm-up, then what
 * they say together.
 *
 * The answer depends on the plan alone, not on how many workers there are or which is done first: with a precision to
 * reach, replications count in the order of their seeds, and those that were started beyond the last one needed are
 * thrown away.
 */
export interface StudyPlan {
  /** Of the first replication. */
  readonly seed: number;
  readonly durationMs: number;
  /** Found by pilots when absent. */
  readonly warmupMs: number | undefined;
  readonly load: number;
  /** With a precision the most that are run, otherwise exactly as many. */
  readonly replications: number;
  /** Half of the interval of the p99 latency, as a share of it, at which to stop; none when absent. */
  readonly precision: number | undefined;
}

export interface StudyProgress {
  /** What is run, where there is more than one thing. */
  readonly subject?: string;
  /** How much of the whole question is answered, 0 to 1; absent where that cannot be said. */
  readonly share?: number;
  readonly phase: "warm-up" | "replications";
  readonly done: number;
  readonly of: number;
  /** Of what is done. */
  readonly p99Ms: Estimate | undefined;
}

/** Enough for a chart, and for MSER-5 to cut at a sixtieth of the run. */
const slices = 300;
export const pilots = 5;
/** A spread estimated from fewer is itself too uncertain to stop by (statistics/stopping.ts). */
const leastToStop = 10;

/** What the start of the runs is cut by, and the pilots that showed it. */
export interface Warmup {
  readonly warmupMs: number;
  readonly from: Study["warmupFrom"];
  readonly isSettled: boolean;
  /** Without a warm-up to leave out, the pilots are the first replications. */
  readonly pilots: readonly ReplicationOutcome[];
}

/** The study, and the replications it is made of. */
export interface StudyRuns {
  readonly study: Study;
  readonly outcomes: readonly ReplicationOutcome[];
}

export type Report = (progress: StudyProgress) => void;

/** Throws StudyError when a replication cannot be finished. */
export async function runStudy(pool: ReplicationPool, plan: StudyPlan, onProgress: Report): Promise<StudyRuns> {
  return await measure(pool, plan, await settleWarmup(pool, plan, onProgress), onProgress);
}

/** The plan's warm-up, or the one that pilots show. */
export async function settleWarmup(pool: ReplicationPool, plan: StudyPlan, onProgress: Report): Promise<Warmup> {
  if (plan.warmupMs !== undefined) return { warmupMs: plan.warmupMs, from: "given", isSettled: true, pilots: [] };
  const count = Math.min(pilots, plan.replications);
  const outcomes = await runAll(
    runner(pool, plan, 0),
    { count, atOnce: pool.size },
    reporter("warm-up", count, onProgress),
  );
  return { ...detectWarmup(outcomes), from: "detected", pilots: outcomes };
}

/** All replications of the plan, with this warm-up. */
export async function measure(
  pool: ReplicationPool,
  plan: StudyPlan,
  warmup: Warmup,
  onProgress: Report,
): Promise<StudyRuns> {
  const { durationMs, replications } = plan;
  const { warmupMs, from, isSettled } = warmup;
  const outcomes = await runAll(
    reusing(warmup, runner(pool, plan, warmupMs)),
    { count: replications, atOnce: pool.size, isEnough: stopAt(plan) },
    reporter("replications", replications, onProgress),
  );
  const warnings: string[] = [];
  if (!isSettled) {
    warnings.push("the system had not settled by half of the run, where the warm-up was cut: a longer run is needed");
  }
  const shortfall = precisionShortfall(outcomes, plan.precision);
  if (shortfall !== undefined) warnings.push(shortfall);
  return { outcomes, study: makeStudy(outcomes, { durationMs, warmupMs, warmupFrom: from, warnings }) };
}

/** `count` replications from the one with index `first` on. */
export async function replicate(
  pool: ReplicationPool,
  plan: StudyPlan,
  warmup: Warmup,
  { first, count }: { first: number; count: number },
  onProgress: Report,
): Promise<readonly ReplicationOutcome[]> {
  const run = reusing(warmup, runner(pool, plan, warmup.warmupMs));
  return await runAll(
    (index) => run(first + index),
    { count, atOnce: pool.size },
    (outcomes) =>
      onProgress({ phase: "replications", done: first + outcomes.length, of: first + count, p99Ms: undefined }),
  );
}

type RunIndex = (index: number) => Promise<ReplicationOutcome>;

function runner(pool: ReplicationPool, { seed, durationMs, load }: StudyPlan, warmupMs: number): RunIndex {
  return (index) => pool.run({ seed: replicationSeed(seed, index), durationMs, warmupMs, load, slices });
}

function reusing({ warmupMs, pilots: known }: Warmup, run: RunIndex): RunIndex {
  return async (index) => (warmupMs === 0 ? known[index] : undefined) ?? (await run(index));
}

function reporter(phase: StudyProgress["phase"], of: number, onProgress: Report) {
  return (outcomes: readonly ReplicationOutcome[]) =>
    onProgress({ phase, done: outcomes.length, of, p99Ms: p99Of(outcomes) });
}

interface Extent {
  readonly count: number;
  readonly atOnce: number;
  /** Asked of the first one, the first two, … in this order; the first yes ends it. */
  readonly isEnough?: ((outcomes: readonly ReplicationOutcome[]) => boolean) | undefined;
}

/** Outcomes in the order of their indices. What still runs when there are enough is left to the pool to end. */
async function runAll(
  run: (index: number) => Promise<ReplicationOutcome>,
  { count, atOnce, isEnough }: Extent,
  onDone: (outcomes: readonly ReplicationOutcome[]) => void,
): Promise<ReplicationOutcome[]> {
  const outcomes: (ReplicationOutcome | undefined)[] = new Array(count).fill(undefined);
  const enough = Promise.withResolvers<number>();
  let started = 0;
  let checked = 0;
  let isOver = false;
  onDone([]);
  const lane = async () => {
    while (!isOver && started < count) {
      const index = started++;
      try {
        outcomes[index] = await run(index);
      } catch (error) {
        isOver = true;
        throw error;
      }
      if (isOver) return;
      onDone(outcomes.filter((outcome) => outcome !== undefined));
      while (isEnough !== undefined && !isOver && outcomes[checked] !== undefined) {
        checked++;
        isOver = isEnough(outcomes.slice(0, checked) as ReplicationOutcome[]);
      }
      if (isOver) enough.resolve(checked);
    }
  };
  const all = Promise.all(Array.from({ length: Math.min(atOnce, count) }, lane)).then(() => (isOver ? checked : count));
  const needed = await Promise.race([enough.promise, all]);
  return outcomes.slice(0, needed) as ReplicationOutcome[];
}

function stopAt({ precision, replications }: StudyPlan): Extent["isEnough"] {
  if (precision === undefined) return undefined;
  const minimum = Math.min(leastToStop, replications);
  return (outcomes) =>
    decideReplications({
      values: p99Values(outcomes),
      relativeHalfWidth: precision,
      minimum,
      maximum: replications,
    }).done;
}

/** Of the p99 latencies; undefined when there is nothing to tell yet. */
function p99Of(outcomes: readonly ReplicationOutcome[]): Estimate | undefined {
  return outcomes.length === 0 ? undefined : meanInterval(p99Values(outcomes));
}

function p99Values(outcomes: readonly ReplicationOutcome[]): number[] {
  return outcomes.map(({ results }) => results.latency.p99Ms);
}

/** Half of the interval as a share of the value: how well the p99 is known. Endless for a single run. */
function errorOf(outcomes: readonly ReplicationOutcome[]): number {
  const p99Ms = p99Of(outcomes);
  if (p99Ms === undefined || outcomes.length < 2 || p99Ms.value === 0) return Number.POSITIVE_INFINITY;
  return (p99Ms.high - p99Ms.value) / p99Ms.value;
}

function precisionShortfall(
  outcomes: readonly ReplicationOutcome[],
  precision: number | undefined,
): string | undefined {
  const error = errorOf(outcomes);
  if (precision === undefined || error <= precision) return undefined;
  const known = Number.isFinite(error) ? `known to ±${percent(error)}` : "not known";
  return `after ${outcomes.length} replications the p99 is ${known}, not to the ±${percent(precision)} asked for`;
}

function percent(share: number): string {
  return `${Number((share * 100).toPrecision(3))} %`;
}
