import {
  decideReplications,
  detectWarmup,
  type Estimate,
  makeStudy,
  meanInterval,
  type ReplicationOutcome,
  replicationSeed,
  type Study,
} from "@weft/simulator";
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
  readonly phase: "warm-up" | "replications";
  readonly done: number;
  readonly of: number;
  /** Of what is done. */
  readonly p99Ms: Estimate | undefined;
}

/** Enough for a chart, and for MSER-5 to cut at a sixtieth of the run. */
const slices = 300;
const pilots = 5;
/** A spread estimated from fewer is itself too uncertain to stop by (statistics/stopping.ts). */
const leastToStop = 10;

/** Throws CliError when a replication cannot be finished. */
export async function runStudy(
  pool: ReplicationPool,
  plan: StudyPlan,
  onProgress: (progress: StudyProgress) => void,
): Promise<Study> {
  const { durationMs, load, replications } = plan;
  const run = (index: number, warmupMs: number) =>
    pool.run({ seed: replicationSeed(plan.seed, index), durationMs, warmupMs, load, slices });
  const report = (phase: StudyProgress["phase"], of: number) => (outcomes: readonly ReplicationOutcome[]) =>
    onProgress({ phase, done: outcomes.length, of, p99Ms: p99Of(outcomes) });

  const warnings: string[] = [];
  let { warmupMs } = plan;
  let known: readonly ReplicationOutcome[] = [];
  if (warmupMs === undefined) {
    const count = Math.min(pilots, replications);
    const outcomes = await runAll((index) => run(index, 0), { count, atOnce: pool.size }, report("warm-up", count));
    const detected = detectWarmup(outcomes);
    warmupMs = detected.warmupMs;
    // Without a warm-up to leave out, the pilots are the first replications.
    if (warmupMs === 0) known = outcomes;
    if (!detected.isSettled) {
      warnings.push("the system had not settled by half of the run, where the warm-up was cut: a longer run is needed");
    }
  }
  const measuredFromMs = warmupMs;
  const outcomes = await runAll(
    async (index) => known[index] ?? (await run(index, measuredFromMs)),
    { count: replications, atOnce: pool.size, isEnough: stopAt(plan) },
    report("replications", replications),
  );
  const shortfall = precisionShortfall(outcomes, plan.precision);
  if (shortfall !== undefined) warnings.push(shortfall);
  return makeStudy(outcomes, {
    durationMs,
    warmupMs,
    warmupFrom: plan.warmupMs === undefined ? "detected" : "given",
    warnings,
  });
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
      outcomes[index] = await run(index);
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
