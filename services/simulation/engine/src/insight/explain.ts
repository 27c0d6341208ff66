/**
 * Everything that is known about what limits a system, in one answer: which component, why, and what to buy.
 *
 * Who limits is decided by the first of these that speaks:
 * 1. saturation: of the components whose queue grows, that shed or have no slot left, the last in the order of calls,
 *    because whoever waits for it with a slot in hand is full as well;
 * 2. elasticity, when variants were run: the component where a percent of capacity changes the objective most;
 * 3. waiting: the component in whose queues requests spend most time, from 5 % of their time in the system;
 * 4. demand: the one with the lowest bound slots ÷ demand.
 * Utilization is never asked alone: a slot that is taken 95 % of the time in even steps makes nobody wait.
 * Before all of them comes whether anything limits (spare-capacity.ts): where nothing does, `limit` is only what would
 * come first, and nothing is to buy.
 *
 * Every sentence of the evidence carries the figures it rests on.
 */

import type { Architecture } from "../architecture.ts";
import { compileModel, type Model } from "../model.ts";
import type { ReplicationOutcome } from "../replications/run-replication.ts";
import {
  type ElasticityJudgement,
  type JudgedVariant,
  judgeElasticity,
  type Objective,
  type VariantOutcomes,
} from "./elasticity.ts";
import { type OperationalLaws, operationalLawsOf } from "./operational-laws.ts";
import { judgeSaturation, type QueueSamples, type Saturation } from "./saturation.ts";
import { mostlyFree, type SpareCapacity, spareCapacityOf } from "./spare-capacity.ts";
import { type StabilityMargin, stabilityMargin } from "./stability-margin.ts";
import { type ConnectionWait, mostConnectionWait, notableWaitShare, type WaitShare, waitShares } from "./waiting.ts";
import { number, percent, range } from "./wording.ts";

export interface Limit {
  readonly component: string;
  readonly name: string;
  /** What decided it; see the head of this file. */
  readonly by: "saturation" | "elasticity" | "waiting" | "demand";
  readonly utilization: number;
  /** The load it could bear ÷ this one, by slots ÷ demand. */
  readonly headroom?: number;
}

export interface TailShare {
  readonly component: string;
  /** Of its time, as in latency-parts.ts. */
  readonly part: string;
  readonly share: number;
  /** The interval of the share, when several replications were traced. */
  readonly low?: number;
  readonly high?: number;
}

export interface Insight {
  /** Present when nothing limits: how much room there is. */
  readonly spare?: SpareCapacity;
  /** Absent when no slot was ever held. */
  readonly limit?: Limit;
  readonly evidence: readonly string[];
  /** The change with the most gain per cost; absent when no variant was run, none helps, or nothing limits. */
  readonly buy?: JudgedVariant;
  readonly laws: OperationalLaws;
  readonly saturation: Saturation;
  readonly elasticity?: ElasticityJudgement;
  readonly stability: StabilityMargin;
  /** Where the slowest requests spent their time, from whoever traced them. */
  readonly tail?: readonly TailShare[];
}

export interface InsightInput {
  readonly architecture: Architecture;
  /** 1 by default. */
  readonly load?: number;
  readonly base: readonly Pick<ReplicationOutcome, "results">[];
  readonly queues: readonly QueueSamples[];
  /** Of `planElasticity`, run with the seeds of `base`; elasticity is left out without any. */
  readonly variants?: readonly VariantOutcomes[];
  readonly objective?: Objective;
  readonly tail?: readonly TailShare[];
}

/** Throws ModelError for an architecture that cannot be run, RangeError for runs that do not belong together. Pure. */
export function explain(input: InsightInput): Insight {
  const { architecture, load = 1, base, queues, variants = [], objective, tail } = input;
  const model = compileModel(architecture, { load });
  const runs = base.map(({ results }) => results);
  const laws = operationalLawsOf(model, runs);
  const saturation = judgeSaturation(model, runs, queues);
  const stability = stabilityMargin(model);
  const elasticity =
    variants.length === 0 ? undefined : judgeElasticity(base, variants, objective === undefined ? {} : { objective });
  const best = elasticity?.variants[0];
  const helpful = best?.verdict === "better" ? best : undefined;
  const spare = spareCapacityOf(model, runs, { laws, saturation, elasticity, best: helpful });
  const buy = spare === undefined ? helpful : undefined;
  const findings = { laws, saturation, elasticity, waits: waitShares(model, runs) };
  const found = findLimit(findings);
  const limit = found === undefined ? undefined : limitOf(found, laws, model);
  return {
    ...(spare === undefined ? {} : { spare }),
    ...(limit === undefined ? {} : { limit }),
    evidence: evidenceOf(limit, {
      ...findings,
      connectionWait: mostConnectionWait(model, runs),
      stability,
      spare,
      buy,
      tail,
    }),
    ...(buy === undefined ? {} : { buy }),
    laws,
    saturation,
    ...(elasticity === undefined ? {} : { elasticity }),
    stability,
    ...(tail === undefined ? {} : { tail }),
  };
}

/**
 * Who limits, in a sentence without its numbers. Where the slots are mostly free, what a change of speed shortens is the work
 * itself: there the component does not limit how much passes, but how fast it is.
 */
export function limitSentence({ name, by, utilization }: Limit): string {
  if (by === "elasticity" && utilization < mostlyFree) {
    return `${name} sets how long requests take: its own speed changes the answer most`;
  }
  return `${name} limits: ${decidedBy[by]}`;
}

const decidedBy = {
  saturation: "it cannot do what is asked of it",
  elasticity: "its capacity changes the answer most",
  waiting: "requests wait there most",
  demand: "its bound is the lowest",
} as const satisfies Record<Limit["by"], string>;

interface Findings {
  readonly laws: OperationalLaws;
  readonly saturation: Saturation;
  readonly elasticity: ElasticityJudgement | undefined;
  readonly waits: readonly WaitShare[];
}

function findLimit({ laws, saturation, elasticity, waits }: Findings): Pick<Limit, "component" | "by"> | undefined {
  const [cause] = saturation.saturated;
  if (cause !== undefined) return { component: cause, by: "saturation" };
  const steepest = mostElastic(elasticity);
  if (steepest !== undefined) return { component: steepest.component, by: "elasticity" };
  const [mostWaited] = waits;
  if (mostWaited !== undefined && mostWaited.share >= notableWaitShare) {
    return { component: mostWaited.component, by: "waiting" };
  }
  return laws.limitingComponent === undefined ? undefined : { component: laws.limitingComponent, by: "demand" };
}

/** Of the changes of capacity that help, the one with the most percent per percent. */
function mostElastic(elasticity: ElasticityJudgement | undefined): JudgedVariant | undefined {
  const steepness = (one: JudgedVariant) => Math.abs(one.elasticity?.value ?? 0);
  return (elasticity?.variants ?? [])
    .filter((one) => one.verdict === "better" && one.elasticity !== undefined)
    .reduce<JudgedVariant | undefined>(
      (most, one) => (most === undefined || steepness(one) > steepness(most) ? one : most),
      undefined,
    );
}

function limitOf(found: Pick<Limit, "component" | "by">, laws: OperationalLaws, model: Model): Limit {
  const demand = laws.components.find(({ component }) => component === found.component);
  const name = model.components.find(({ id }) => id === found.component)?.name ?? found.component;
  const limit = { ...found, name, utilization: demand?.utilization ?? 0 };
  if (demand?.maximumRatePerSecond === undefined || laws.ratePerSecond === 0) return limit;
  return { ...limit, headroom: demand.maximumRatePerSecond / Math.max(laws.ratePerSecond, laws.openPerSecond) };
}

function evidenceOf(
  limit: Limit | undefined,
  given: Findings & {
    readonly connectionWait: ConnectionWait | undefined;
    readonly stability: StabilityMargin;
    readonly spare: SpareCapacity | undefined;
    readonly buy: JudgedVariant | undefined;
    readonly tail: readonly TailShare[] | undefined;
  },
): string[] {
  const { laws, saturation, elasticity, stability, spare, buy, tail, waits, connectionWait } = given;
  if (limit === undefined) return [`no slot was held at ${number(laws.ratePerSecond)} requests/s: nothing limits`];
  const sentences: string[] = [];
  const add = (sentence: string | undefined) => {
    if (sentence !== undefined) sentences.push(sentence);
  };
  add(spare?.message);
  const isLimit = ({ component }: { readonly component: string }) => component === limit.component;
  add(saturation.components.find(isLimit)?.message);
  add(laws.components.find(isLimit)?.message);
  if (spare === undefined) add(headroomSentence(limit, laws));
  const waited = waits.find(isLimit);
  if (waited !== undefined) add(`requests spend ${percent(waited.share)} of their time in the queues of ${limit.name}`);
  add(connectionSentence(connectionWait));
  add(steepestSentence(limit, elasticity));
  add(mostUsedSentence(limit, given));
  if (buy !== undefined) add(`to buy: ${buy.message}`);
  if (elasticity !== undefined && spare === undefined && buy === undefined) {
    add(`none of the ${elasticity.variants.length} changes that were run improves the ${labelOf(elasticity)}`);
  }
  add(stability.kind === "margins" ? stability.components[0]?.message : undefined);
  const most = tail?.reduce((top, one) => (one.share > top.share ? one : top));
  if (most !== undefined) add(tailSentence(most));
  for (const { name, check } of laws.components) {
    if (check.agrees) continue;
    add(
      `${name}: U = X·S gives ${percent(check.expected)}, the runs showed ${percent(check.simulated)}; the difference is more than chance`,
    );
  }
  return sentences;
}

function headroomSentence({ name, headroom }: Limit, laws: OperationalLaws): string | undefined {
  if (headroom === undefined) return undefined;
  const { ratePerSecond, openPerSecond } = laws;
  if (headroom >= 1) return `${name} bears ${number(headroom)} times today's ${number(ratePerSecond)} requests/s`;
  return `${number(openPerSecond)} requests/s come, ${number(1 / headroom)} times what ${name} can do`;
}

function steepestSentence(limit: Limit, elasticity: ElasticityJudgement | undefined): string | undefined {
  const steepest = mostElastic(elasticity);
  if (elasticity === undefined || steepest?.elasticity === undefined || steepest.component !== limit.component)
    return undefined;
  const { value } = steepest.elasticity;
  return (
    `1 % more capacity of ${limit.name} changes the ${labelOf(elasticity)} by ${number(value)} % ` +
    `(95 % interval ${range(steepest.elasticity)}, by ${steepest.change})`
  );
}

function connectionSentence(most: ConnectionWait | undefined): string | undefined {
  if (most === undefined || most.share < notableWaitShare) return undefined;
  const { name, calls, share } = most;
  return (
    `${number(calls)} calls from ${name} wait for a connection on average, ` +
    `${percent(share)} of the time that requests take`
  );
}

function tailSentence({ component, part, share, low, high }: TailShare): string {
  const interval = low === undefined || high === undefined ? "" : ` (95 % interval ${range({ low, high }, percent)})`;
  return `the slowest requests spend ${percent(share)} of their time at ${component} (${part})${interval}`;
}

/** Why it is not the one with the highest utilization, where that is another. */
function mostUsedSentence(limit: Limit, { laws, elasticity, waits }: Findings): string | undefined {
  const most = laws.components.reduce((top, one) => (one.utilization > top.utilization ? one : top));
  if (most.component === limit.component || most.utilization <= limit.utilization) return undefined;
  const isMost = ({ component }: { readonly component: string }) => component === most.component;
  const share = waits.find(isMost)?.share ?? 0;
  const start = `${most.name} is used more (${percent(most.utilization)} against ${percent(limit.utilization)})`;
  const faster = elasticity?.variants.find((one) => isMost(one) && one.elasticity !== undefined);
  const gain = faster === undefined ? "" : `, and its best change of capacity gains ${percent(faster.gain.value)}`;
  return `${start}, but requests spend ${percent(share)} of their time in its queues${gain}`;
}

function labelOf({ objective }: ElasticityJudgement): string {
  return { meanMs: "mean latency", p99Ms: "p99", errorRatio: "error ratio", throughputPerSecond: "throughput" }[
    objective
  ];
}
