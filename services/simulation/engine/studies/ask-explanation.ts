/**
 * What limits an architecture, and what to buy: base replications that are traced and whose queues are sampled, and every
 * small change of `planElasticity` under the same seeds.
 */
import {
  type Architecture,
  type ElasticityObjective,
  type ElasticityPrices,
  type ElasticityVariant,
  explain,
  type Insight,
  makeStudy,
  mergeTails,
  planElasticity,
  type ReplicationOutcome,
  replicationSeed,
  type Study,
  type TailStudy,
} from "../src/index.ts";
import { type NamedArchitecture, replicationsOf, type StudyAnswer, type StudyHost, threadsOf } from "./answer.ts";
import type { ExplanationRun } from "./explanation-main.ts";
import { ReplicationPool } from "./replication-pool.ts";
import { type Report, type StudyPlan, settleWarmup, type Warmup } from "./run-study.ts";
import { OverflowError } from "./study-error.ts";

export interface ExplanationOptions {
  /** Of one step of each change, by component. */
  readonly prices?: Readonly<Record<string, ElasticityPrices>> | undefined;
  /** What a change should improve: failures when there are many, else the mean latency, when absent. */
  readonly objective?: ElasticityObjective | undefined;
}

export interface ExplanationAnswer extends StudyAnswer {
  readonly insight: Insight;
  readonly study: Study;
  /** Absent when no traced request was answered well. */
  readonly tail?: TailStudy;
  /** Changes that could not be measured, in sentences. */
  readonly leftOut: readonly string[];
}

/** Of each replication; its slowest twentieth are then a hundred. */
const tracedRequests = 2000;
/** As many points as other studies have, which the growth test is content with. */
const slices = 300;

/** What is run for an explanation: the architecture itself and its changes. Throws ModelError for options that make no sense. */
export function explainedVariants(architecture: Architecture, { prices }: ExplanationOptions): ElasticityVariant[] {
  return planElasticity(architecture, prices === undefined ? {} : { prices });
}

/** Needs two replications. Throws StudyError when one cannot be finished, ModelError when the architecture cannot be run. */
export async function askExplanation(
  { name: title, architecture }: NamedArchitecture,
  plan: StudyPlan,
  options: ExplanationOptions,
  host: StudyHost,
): Promise<ExplanationAnswer> {
  const variants = explainedVariants(architecture, options);
  const program = new URL("./explanation-main.ts", import.meta.url);
  const pool = new ReplicationPool<ExplanationRun>(architecture, { size: threadsOf(host), program });
  const all = replicationsOf(plan) + plan.replications * variants.length;
  try {
    const progress = counting(all, host.onProgress);
    const warmup = await settleWarmup(pool, plan, progress.ofWarmup);
    const run = { durationMs: plan.durationMs, warmupMs: warmup.warmupMs, load: plan.load, seed: plan.seed };
    const traced = { ...run, slices, tracedRequests, samplesQueues: true };
    const base = await runAll(pool, traced, plan.replications, progress.ofRun(title));
    const measured = await Promise.all(
      variants.map(async ({ architecture: { components, links }, ...variant }) => {
        const changed = { ...run, slices: 1, changed: { components, links } };
        const outcomes = await runVariant(pool, changed, plan.replications, progress.ofRun(variant.sentence));
        return { variant, outcomes };
      }),
    );
    const tail = mergeTails(base.flatMap(({ tail: one }) => (one === undefined ? [] : [one])));
    const insight = explain({
      architecture,
      load: plan.load,
      base,
      queues: base.flatMap(({ queues }) => (queues === undefined ? [] : [queues])),
      variants: measured.flatMap(({ variant, outcomes }) => (outcomes === undefined ? [] : [{ variant, outcomes }])),
      ...(options.objective === undefined ? {} : { objective: options.objective }),
      ...(tail === undefined ? {} : { tail: tail.parts.map(({ share, ...one }) => ({ ...one, ...shareOf(share) })) }),
    });
    const study = makeStudy(base, { ...run, warmupFrom: warmup.from, warnings: warningsOf(warmup) });
    const leftOut = measured
      .filter(({ outcomes }) => outcomes === undefined)
      .map(
        ({ variant: { sentence } }) =>
          `${sentence}: more and more requests were in the system, until there was no room`,
      );
    const explained = { insight, study, ...(tail === undefined ? {} : { tail }), leftOut };
    return {
      ...explained,
      result: explained,
      renderPage: async () => {
        const { renderExplanationPage } = await import("../src/report/index.ts");
        return renderExplanationPage(explained, title);
      },
    };
  } finally {
    await pool.end();
  }
}

function shareOf({ value, low, high }: TailStudy["tailFromMs"]) {
  return { share: value, low, high };
}

function warningsOf({ isSettled }: Warmup): string[] {
  if (isSettled) return [];
  return ["the system had not settled by half of the run, where the warm-up was cut: a longer run is needed"];
}

type Pool = ReplicationPool<ExplanationRun>;

/** Undefined when the changed system overflows: that is no change to buy. */
async function runVariant(
  pool: Pool,
  options: ExplanationRun,
  count: number,
  onDone: () => void,
): Promise<Pick<ReplicationOutcome, "results">[] | undefined> {
  try {
    // Only the results are kept: there may be hundreds of changes.
    return (await runAll(pool, options, count, onDone)).map(({ results }) => ({ results }));
  } catch (error) {
    if (error instanceof OverflowError) return undefined;
    throw error;
  }
}

/** In the order of their seeds. */
async function runAll(
  pool: Pool,
  options: ExplanationRun,
  count: number,
  onDone: () => void,
): Promise<ReplicationOutcome[]> {
  const runs = Array.from({ length: count }, async (_, index) => {
    const outcome = await pool.run({ ...options, seed: replicationSeed(options.seed, index) });
    onDone();
    return outcome;
  });
  return await Promise.all(runs);
}

/** One count over everything that is run, in whatever order it ends. */
function counting(of: number, report: Report) {
  let done = 0;
  const tell = (subject: string) =>
    report({ subject, phase: "replications", done, of, share: Math.min(1, done / of), p99Ms: undefined });
  return {
    ofWarmup: ((progress) => {
      done = progress.done;
      report({ ...progress, share: done / of });
    }) satisfies Report as Report,
    ofRun: (subject: string) => () => {
      done++;
      tell(subject);
    },
  };
}
