/**
 * What makes slow requests slow: where the slowest twentieth of the traced requests spent its time, beside all of them.
 *
 * The tail is taken from the traced requests of a replication themselves, slowest first, so that it is never empty, also
 * where all take equally long. Its shares are of its whole time and add up to 1. With several replications a share is
 * the mean of theirs with Student's t interval, as every figure (make-study.ts); a component and part that a replication does not
 * have counts as 0 there.
 */

import type { Model } from "../model.ts";
import type { Estimate } from "../replications/study.ts";
import type { Span } from "../request-traces.ts";
import { meanInterval } from "../statistics/interval.ts";
import { expectedArrivals } from "../workloads/expected-arrivals.ts";
import { type LatencyPart, latencyPartsNs, latencyParts as names } from "./latency-parts.ts";
import { unloadedRequest, withHitRatios } from "./unloaded.ts";

const tailShare = 0.05;
const nsPerMs = 1e6;

/** Of one replication; plain data. */
export interface TailAttribution {
  /** That were traced and answered well, and how many of them are the tail. */
  readonly requests: number;
  readonly tailRequests: number;
  /** The shortest latency in the tail. */
  readonly tailFromMs: number;
  /** Those that took any time at all: means over the requests, which add up to their mean latency. */
  readonly parts: readonly PartTime[];
}

export interface PartTime {
  readonly component: string;
  readonly part: LatencyPart;
  readonly allMs: number;
  readonly tailMs: number;
}

/** Of several replications. */
export interface TailStudy {
  readonly replications: number;
  /** Over all replications. */
  readonly requests: number;
  readonly tailRequests: number;
  readonly tailFromMs: Estimate;
  readonly allMeanMs: Estimate;
  readonly tailMeanMs: Estimate;
  /** Largest share of the tail first. */
  readonly parts: readonly PartShare[];
}

export interface PartShare {
  readonly component: string;
  readonly part: LatencyPart;
  /** Of the tail's time, 0 to 1. */
  readonly share: Estimate;
  readonly shareOfAll: Estimate;
  readonly tailMs: Estimate;
}

/** `requests` are `Simulation.tracedRequests()` of a run of this model. Pure. */
export function attributeTail(model: Model, requests: readonly (readonly Span[])[]): TailAttribution {
  const answered = requests
    .filter(([root]) => root?.outcome === "completed")
    .map((spans) => {
      const { calledNs, finishedNs } = spans[0] as Span;
      return { spans, latencyNs: finishedNs - calledNs };
    })
    .sort((a, b) => b.latencyNs - a.latencyNs);
  const tailRequests = Math.ceil(answered.length * tailShare);
  const columns = model.components.length * names.length;
  const [all, tail] = [new Float64Array(columns), new Float64Array(columns)];
  for (const [rank, { spans }] of answered.entries()) {
    const timesNs = latencyPartsNs(model, spans);
    for (let column = 0; column < columns; column++) {
      const ns = timesNs[column] as number;
      all[column] = (all[column] as number) + ns;
      if (rank < tailRequests) tail[column] = (tail[column] as number) + ns;
    }
  }
  const parts = model.components.flatMap(({ id, index }) =>
    names.map((name, position): PartTime => {
      const column = index * names.length + position;
      const allMs = meanMs(all[column] as number, answered.length);
      return { component: id, part: name, allMs, tailMs: meanMs(tail[column] as number, tailRequests) };
    }),
  );
  return {
    requests: answered.length,
    tailRequests,
    tailFromMs: (answered[tailRequests - 1]?.latencyNs ?? 0) / nsPerMs,
    parts: parts.filter(({ allMs }) => allMs > 0),
  };
}

/** Replications in which nothing was traced and answered well are left out; undefined when that is all. Pure. */
export function mergeTails(tails: readonly TailAttribution[]): TailStudy | undefined {
  const told = tails.filter(({ requests }) => requests > 0);
  if (told.length === 0) return undefined;
  const latencies = told.map(({ parts }) => ({
    allMs: parts.reduce((sum, { allMs }) => sum + allMs, 0),
    tailMs: parts.reduce((sum, { tailMs }) => sum + tailMs, 0),
  }));
  const keys = new Map(
    told.flatMap(({ parts }) => parts.map(({ component, part }) => [`${component}/${part}`, { component, part }])),
  );
  const parts = [...keys.values()].map(({ component, part }): PartShare => {
    const found = told.map(({ parts: own }) => own.find((one) => one.component === component && one.part === part));
    const shareOf = (field: "allMs" | "tailMs") =>
      estimate(
        found.map((one, run) => share(one?.[field] ?? 0, latencies[run]?.[field] ?? 0)),
        1,
      );
    const tailMs = estimate(found.map((one) => one?.tailMs ?? 0));
    return { component, part, share: shareOf("tailMs"), shareOfAll: shareOf("allMs"), tailMs };
  });
  return {
    replications: told.length,
    requests: told.reduce((sum, { requests }) => sum + requests, 0),
    tailRequests: told.reduce((sum, one) => sum + one.tailRequests, 0),
    tailFromMs: estimate(told.map(({ tailFromMs }) => tailFromMs)),
    allMeanMs: estimate(latencies.map(({ allMs }) => allMs)),
    tailMeanMs: estimate(latencies.map(({ tailMs }) => tailMs)),
    parts: parts.sort((a, b) => b.share.value - a.share.value),
  };
}

/**
 * Every how manyth request of a client to trace so that about `count` of those in the measured time are; 1 where fewer
 * come. Closed users are taken to wait for nothing, so fewer are traced when they do.
 */
export function traceEveryFor(
  model: Model,
  { durationMs, warmupMs, count }: { readonly durationMs: number; readonly warmupMs: number; readonly count: number },
): number {
  const warm = withHitRatios(model);
  let expected = 0;
  for (const workload of model.workloads) {
    if (workload.kind === "closed") {
      const roundMs = Math.max(1, workload.thinkTimeMs + unloadedRequest(warm, workload).responseMs);
      expected += (Math.round(workload.users * model.load) * (durationMs - warmupMs)) / roundMs;
    } else {
      const until = (timeMs: number) => expectedArrivals(workload, model.load, timeMs);
      expected += until(durationMs) - until(warmupMs);
    }
  }
  return Math.max(1, Math.round(expected / count));
}

function estimate(values: readonly number[], largest = Number.POSITIVE_INFINITY): Estimate {
  const { value, low, high } = meanInterval(values);
  return { value, low: Math.max(0, low), high: Math.min(largest, high) };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function meanMs(totalNs: number, count: number): number {
  return count === 0 ? 0 : totalNs / count / nsPerMs;
}
