/**
 * What small changes are worth, measured: which of them to buy.
 *
 * Every variant ran under the seeds of the base runs, so the difference of a pair is the change and hardly any luck. An
 * interval that contains 0 is said to make no difference. With many variants one in twenty 95 % intervals would miss 0 by
 * luck alone, so each is made as wide as it takes for all of them to hold together with 95 % (Bonferroni): `confidence`.
 *
 * `elasticity` is the percent of change per percent of capacity, ln(after ÷ before) ÷ ln(capacity ratio): the only figure that
 * compares changes of different size. For an M/M/1 the slope of the mean latency is -1 ÷ (1 - utilization).
 *
 * The ranking: what helps comes first, by gain per price, then what helps and has no price, by gain; then what makes no
 * difference; then what harms. Money and steps have no common unit, so they are not mixed.
 */
import type { ReplicationOutcome } from "../replications/run-replication.ts";
import type { Results } from "../results.ts";
import { type Interval, pairedDifference } from "../statistics/interval.ts";
import type { ElasticityVariant } from "./elasticity-plan.ts";
import { number, percent, range, signed } from "./wording.ts";

const objectives = ["meanMs", "p99Ms", "errorRatio", "throughputPerSecond"] as const;
export type Objective = (typeof objectives)[number];

/** A figure before and after, as means over the replications, and the difference with its interval. */
export interface MeasuredChange extends Interval {
  readonly before: number;
  readonly after: number;
}

export interface JudgedVariant {
  readonly id: string;
  readonly component: string;
  readonly change: ElasticityVariant["change"];
  readonly price?: number;
  readonly verdict: "better" | "worse" | "no difference";
  /** Of the objective, relative to before and positive when better: 0.2 is a fifth less latency, or a fifth more throughput. */
  readonly gain: Interval;
  /** ÷ price, or the gain itself without one: per step. */
  readonly gainPerCost: number;
  /** Absent without a capacity ratio, or when the objective was 0. */
  readonly elasticity?: Interval;
  /** Latencies are absent when fewer than two pairs of replications answered a request well. */
  readonly meanMs?: MeasuredChange;
  readonly p99Ms?: MeasuredChange;
  readonly errorRatio: MeasuredChange;
  readonly throughputPerSecond: MeasuredChange;
  readonly message: string;
}

export interface ElasticityJudgement {
  readonly objective: Objective;
  /** Of each interval, so that all of them hold together with 95 %. */
  readonly confidence: number;
  readonly replications: number;
  /** Best first. */
  readonly variants: readonly JudgedVariant[];
}

export interface VariantOutcomes {
  readonly variant: Omit<ElasticityVariant, "architecture">;
  readonly outcomes: readonly Pick<ReplicationOutcome, "results">[];
}

const jointConfidence = 0.95;
/** From here on it is failures that must go; latencies are only of those who were answered well. */
const notableErrorRatio = 0.01;

/**
 * `base` and the outcomes of every variant have the same seeds in the same order, at least two; else RangeError. The objective
 * is the error ratio when 1 % or more of the base requests fail, else the mean latency, unless one is given. Pure.
 */
export function judgeElasticity(
  base: readonly Pick<ReplicationOutcome, "results">[],
  variants: readonly VariantOutcomes[],
  options: { readonly objective?: Objective } = {},
): ElasticityJudgement {
  const before = base.map(({ results }) => results);
  if (before.length < 2) throw new RangeError(`base: ${before.length} replications given; at least 2 are needed`);
  for (const { variant, outcomes } of variants) assertPairs(before, variant.id, outcomes);
  const objective = options.objective ?? (meanOf(before, "errorRatio") >= notableErrorRatio ? "errorRatio" : "meanMs");
  const confidence = 1 - (1 - jointConfidence) / Math.max(1, variants.length);
  const judged = variants.map(({ variant, outcomes }) =>
    judge(
      variant,
      before,
      outcomes.map(({ results }) => results),
      objective,
      confidence,
    ),
  );
  judged.sort((a, b) => classOf(a) - classOf(b) || b.gainPerCost - a.gainPerCost);
  return { objective, confidence, replications: before.length, variants: judged };
}

function classOf({ verdict, price }: JudgedVariant): number {
  if (verdict === "better") return price === undefined ? 1 : 0;
  return verdict === "no difference" ? 2 : 3;
}

function judge(
  { id, component, change, price, capacityRatio, sentence }: VariantOutcomes["variant"],
  before: readonly Results[],
  after: readonly Results[],
  objective: Objective,
  confidence: number,
): JudgedVariant {
  const changes = {
    meanMs: measure(before, after, "meanMs", confidence),
    p99Ms: measure(before, after, "p99Ms", confidence),
    errorRatio: measure(before, after, "errorRatio", confidence) as MeasuredChange,
    throughputPerSecond: measure(before, after, "throughputPerSecond", confidence) as MeasuredChange,
  };
  const measured = changes[objective];
  const gain = gainOf(measured, objective);
  const verdict = gain.low > 0 ? "better" : gain.high < 0 ? "worse" : "no difference";
  const { meanMs, p99Ms, errorRatio, throughputPerSecond } = changes;
  const elasticity =
    measured === undefined || capacityRatio === undefined
      ? undefined
      : elasticityOf(before, after, objective, capacityRatio, confidence);
  return {
    id,
    component,
    change,
    ...(price === undefined ? {} : { price }),
    verdict,
    gain,
    gainPerCost: gain.value / (price ?? 1),
    ...(elasticity === undefined ? {} : { elasticity }),
    ...(meanMs === undefined ? {} : { meanMs }),
    ...(p99Ms === undefined ? {} : { p99Ms }),
    errorRatio,
    throughputPerSecond,
    message: messageOf(sentence, objective, measured, verdict, { ...changes, price, gain }),
  };
}

function read(results: Results, objective: Objective): number {
  return objective === "meanMs" || objective === "p99Ms" ? results.latency[objective] : results[objective];
}

function measure(
  before: readonly Results[],
  after: readonly Results[],
  objective: Objective,
  confidence: number,
): MeasuredChange | undefined {
  const pairs = pairsOf(before, after, objective);
  if (pairs.before.length < 2) return undefined;
  const { value, low, high } = pairedDifference(pairs.after, pairs.before, confidence);
  return { before: average(pairs.before), after: average(pairs.after), value, low, high };
}

/** Without a request answered well there is no latency, so such pairs have none to compare. */
function pairsOf(before: readonly Results[], after: readonly Results[], objective: Objective) {
  const isLatency = objective === "meanMs" || objective === "p99Ms";
  const kept = before.flatMap((one, index) => {
    const other = after[index] as Results;
    return isLatency && (one.completed === 0 || other.completed === 0) ? [] : [[one, other] as const];
  });
  return {
    before: kept.map(([one]) => read(one, objective)),
    after: kept.map(([, other]) => read(other, objective)),
  };
}

function gainOf(measured: MeasuredChange | undefined, objective: Objective): Interval {
  if (measured === undefined) return { value: 0, low: 0, high: 0 };
  // Against an error ratio or a latency of 0 nothing can be gained, and any loss is one.
  const scale = measured.before === 0 ? 1 : measured.before;
  const { value, low, high } = measured;
  if (objective === "throughputPerSecond") return { value: value / scale, low: low / scale, high: high / scale };
  return { value: (0 - value) / scale, low: (0 - high) / scale, high: (0 - low) / scale };
}

/** Of the ratio of the means; its error is that of the relative difference (the delta method). */
function elasticityOf(
  before: readonly Results[],
  after: readonly Results[],
  objective: Objective,
  capacityRatio: number,
  confidence: number,
): Interval | undefined {
  const pairs = pairsOf(before, after, objective);
  const meanBefore = average(pairs.before);
  const meanAfter = average(pairs.after);
  if (meanBefore === 0 || meanAfter === 0) return undefined;
  const reach = pairedDifference(
    pairs.after.map((value) => value / meanAfter),
    pairs.before.map((value) => value / meanBefore),
    confidence,
  ).high;
  const scale = Math.log(capacityRatio);
  const value = Math.log(meanAfter / meanBefore) / scale;
  return { value, low: value - reach / scale, high: value + reach / scale };
}

function messageOf(
  sentence: string,
  objective: Objective,
  measured: MeasuredChange | undefined,
  verdict: JudgedVariant["verdict"],
  given: { [Key in Objective]: MeasuredChange | undefined } & { price: number | undefined; gain: Interval },
): string {
  if (measured === undefined)
    return `${sentence}: no pair of replications answered requests well, so 0 latencies to compare`;
  const main = describe(objective, measured);
  if (verdict === "no difference") return `${sentence} makes no difference: ${main}`;
  const others = objectives.flatMap((other) => {
    const change = other === objective ? undefined : given[other];
    return change === undefined || (change.low <= 0 && change.high >= 0) ? [] : [describe(other, change)];
  });
  const { price, gain } = given;
  const cost =
    price === undefined
      ? ""
      : `; ${number(100 * gain.value)} % gained for ${number(price)}, ${number((100 * gain.value) / price)} % per 1`;
  return `${sentence}: ${[main, ...others].join("; ")}${cost}`;
}

function describe(objective: Objective, change: MeasuredChange): string {
  const isShare = objective === "errorRatio";
  const say = isShare ? percent : number;
  const unit = objective === "throughputPerSecond" ? "/s" : isShare ? "" : " ms";
  const difference = isShare ? `${signed(change.value * 100)} points` : `${signed(change.value)}${unit}`;
  return (
    `${labels[objective]} ${say(change.before)} to ${say(change.after)}${unit} ` +
    `(${difference}, 95 % interval ${range(change, isShare ? (value) => signed(value * 100) : signed)})`
  );
}

const labels: { readonly [Key in Objective]: string } = {
  meanMs: "mean latency",
  p99Ms: "p99",
  errorRatio: "failed",
  throughputPerSecond: "throughput",
};

function assertPairs(before: readonly Results[], id: string, outcomes: VariantOutcomes["outcomes"]): void {
  if (outcomes.length !== before.length) {
    throw new RangeError(
      `variant "${id}": ${outcomes.length} replications given; must be ${before.length}, as in the base`,
    );
  }
  for (const [index, { results }] of outcomes.entries()) {
    const expected = before[index]?.seed;
    if (results.seed === expected) continue;
    throw new RangeError(
      `variant "${id}", replication ${index}: seed ${results.seed} given; must be ${expected}, as in the base`,
    );
  }
}

function meanOf(runs: readonly Results[], objective: Objective): number {
  return average(runs.map((results) => read(results, objective)));
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
