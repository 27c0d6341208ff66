/**
 * What the replications say together.
 *
 * Every figure is computed per replication and then averaged, with Student's t interval over the replications: they are
 * independent, whereas the requests of one run are not (Law, Simulation Modeling and Analysis, 2015, 9.4). That holds for
 * quantiles too: the estimate is the mean of the replications' quantiles, and the curve alone is drawn from all requests
 * put together. A replication in which nothing was answered has no latency and is left out of the latencies.
 */
import type { ComponentResults, LatencySummary } from "../results.ts";
import { meanInterval } from "../statistics/interval.ts";
import { averageSeries, mean } from "./average-series.ts";
import { latencyCurve } from "./latency-curve.ts";
import { mergeBottlenecks } from "./merge-bottlenecks.ts";
import type { ReplicationOutcome } from "./run-replication.ts";
import type { ComponentStudy, Estimate, LatencyEstimates, Study } from "./study.ts";
import { studyWarnings } from "./study-warnings.ts";

export interface StudyOptions {
  readonly durationMs: number;
  readonly warmupMs: number;
  readonly warmupFrom: Study["warmupFrom"];
  /** What the caller knows beyond the runs, in sentences; the study's own warnings come first. */
  readonly warnings?: readonly string[];
}

/** Finer than any number of runs can tell, and short in a file. */
const shareDigits = 4;

/** At least one replication of one model, in the order of their seeds; throws RangeError when there is none. Pure. */
export function makeStudy(runs: readonly ReplicationOutcome[], options: StudyOptions): Study {
  const [first] = runs;
  if (first === undefined) throw new RangeError("a study needs at least one replication");
  const all = runs.map(({ results }) => results);
  const bottlenecks = mergeBottlenecks(all.map((results) => results.bottlenecks));
  return {
    replications: runs.length,
    seed: first.results.seed,
    durationMs: options.durationMs,
    warmupMs: options.warmupMs,
    warmupFrom: options.warmupFrom,
    events: all.reduce((sum, { events }) => sum + events, 0),
    throughputPerSecond: estimate(all.map((results) => results.throughputPerSecond)),
    goodputPerSecond: estimate(all.map((results) => results.goodputPerSecond)),
    goodputRatio: estimate(
      all.map((results) => results.goodputRatio),
      1,
    ),
    errorRatio: estimate(
      all.map((results) => results.errorRatio),
      1,
    ),
    latency: latencyEstimates(all),
    components: first.results.components.map((_, index) =>
      componentStudy(
        all.map(({ components, simulatedMs, warmupMs }) => ({
          ...(components[index] as ComponentResults),
          seconds: (simulatedMs - warmupMs) / 1000,
        })),
      ),
    ),
    series: averageSeries(runs),
    latencyCurve: latencyCurve(runs.map(({ latencyBins }) => latencyBins)),
    bottlenecks,
    warnings: [...studyWarnings(all), ...(options.warnings ?? [])],
  };
}

function componentStudy(runs: readonly (ComponentResults & { readonly seconds: number })[]): ComponentStudy {
  const { id, name, kind, instances } = runs[0] as ComponentResults;
  return {
    id,
    name,
    kind,
    instances,
    instancesMean: estimate(runs.map((run) => run.instancesMean)),
    utilization: estimate(
      runs.map((run) => run.utilization),
      1,
    ),
    presentAtLeast: meanShares(runs.map((run) => run.presentAtLeast)),
    throughputPerSecond: estimate(runs.map((run) => run.throughputPerSecond)),
    queueLengthMean: estimate(runs.map((run) => run.queueLengthMean)),
    waitMeanMs: estimate(runs.map((run) => run.waitMeanMs)),
    waitProbability: estimate(
      runs.map((run) => run.waitProbability),
      1,
    ),
    waitP99Ms: estimate(runs.map((run) => run.waitP99Ms)),
    errorRatio: estimate(runs.map(componentErrorRatio), 1),
    shedPerSecond: estimate(runs.map(({ shed, seconds }) => shed / seconds)),
    limitedPerSecond: estimate(runs.map(({ limited, seconds }) => limited / seconds)),
    refusedPerSecond: estimate(runs.map((run) => (run.refusedByBreaker + run.refusedByPool) / run.seconds)),
    backlogMean: estimate(runs.map((run) => run.backlogMean)),
    latency: latencyEstimates(runs),
  };
}

/** Place by place, until one rounds to 0; what a run does not have is 0. */
function meanShares(runs: readonly (readonly number[])[]): number[] {
  const shares: number[] = [];
  for (let place = 0; ; place++) {
    const share = Number(mean(runs.map((run) => run[place] ?? 0)).toFixed(shareDigits));
    if (share === 0) return shares;
    shares.push(share);
  }
}

/** Of the requests that it answered, in whatever way; a refusal is an error to the caller. */
function componentErrorRatio({ completed, failed, shed }: ComponentResults): number {
  const answered = completed + failed + shed;
  return answered === 0 ? 0 : (failed + shed) / answered;
}

function latencyEstimates(
  runs: readonly { readonly completed: number; readonly latency: LatencySummary }[],
): LatencyEstimates {
  const answering = runs.filter(({ completed }) => completed > 0);
  const of = (field: keyof LatencyEstimates) => estimate(answering.map(({ latency }) => latency[field]));
  return {
    meanMs: of("meanMs"),
    p50Ms: of("p50Ms"),
    p90Ms: of("p90Ms"),
    p95Ms: of("p95Ms"),
    p99Ms: of("p99Ms"),
    p999Ms: of("p999Ms"),
  };
}

/** No figure here can be negative or above `largest`, so neither end of an interval is. */
function estimate(values: readonly number[], largest = Number.POSITIVE_INFINITY): Estimate {
  if (values.length < 2) {
    const value = mean(values);
    return { value, low: value, high: value };
  }
  const { value, low, high } = meanInterval(values);
  return { value, low: Math.max(0, low), high: Math.min(largest, high) };
}
