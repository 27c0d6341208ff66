/**
 * One replication from start to end, as plain data that can be sent between threads.
 *
 * The run is cut into slices of equal simulated time, each a point of the series; the cuts do not change what happens
 * (simulation.ts). The series covers the warm-up too, so that a chart can show what was left out; everything else begins
 * after it. Traces and samples of the queues, for an explanation (insight/), are read on the way and change nothing either.
 */
import type { Architecture } from "../architecture.ts";
import type { LatencyBin } from "../histogram.ts";
import type { QueueSamples } from "../insight/saturation.ts";
import { attributeTail, type TailAttribution, traceEveryFor } from "../insight/tail-attribution.ts";
import { compileModel } from "../model.ts";
import type { Results } from "../results.ts";
import { Simulation } from "../simulation.ts";
import type { SeriesPoint } from "./study.ts";

export interface ReplicationOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly warmupMs: number;
  /** Multiplies rates and users. */
  readonly load: number;
  /** Points of the series, at least 1. */
  readonly slices: number;
  /** About so many requests after the warm-up are traced, for `tail`; none when absent or 0. */
  readonly tracedRequests?: number;
  /** Whether there are `queues`; false when absent. */
  readonly samplesQueues?: boolean;
}

export interface ReplicationOutcome {
  readonly results: Results;
  /** From the start of the run on; p50Ms and p99Ms are 0 in slices that answered nothing well. */
  readonly series: readonly SeriesPoint[];
  readonly latencyBins: readonly LatencyBin[];
  /** Where the time of the traced requests went. */
  readonly tail?: TailAttribution;
  /** Of the slices after the warm-up. */
  readonly queues?: QueueSamples;
}

/** Throws ModelError when the architecture or an option cannot be run, TooManyRequestsError when the system overflows. */
export function runReplication(architecture: Architecture, options: ReplicationOptions): ReplicationOutcome {
  const { seed, durationMs, warmupMs, load, slices, tracedRequests: count = 0, samplesQueues = false } = options;
  const model = compileModel(architecture, { load });
  const traceEvery = count === 0 ? 0 : traceEveryFor(model, { durationMs, warmupMs, count });
  const simulation = new Simulation(model, { seed, durationMs, warmupMs, traceEvery });
  const series: SeriesPoint[] = [];
  const lengths = model.components.map((): number[] => []);
  for (let slice = 1; slice <= slices; slice++) {
    simulation.runUntil(slice === slices ? durationMs : (durationMs * slice) / slices);
    const { simulatedMs, total, components } = simulation.frame();
    const { requestsPerSecond, failuresPerSecond, p50Ms, p99Ms, inFlight } = total;
    series.push({ simulatedMs, requestsPerSecond, failuresPerSecond, p50Ms, p99Ms, inFlight });
    const isWarm = (durationMs * (slice - 1)) / slices >= warmupMs;
    if (!samplesQueues || !isWarm) continue;
    for (const [index, { queueLength }] of components.entries()) lengths[index]?.push(queueLength);
  }
  return {
    results: simulation.results(),
    series,
    latencyBins: simulation.latencyBins(),
    ...(traceEvery === 0 ? {} : { tail: attributeTail(model, simulation.tracedRequests()) }),
    ...(samplesQueues ? { queues: { lengths } } : {}),
  };
}

/** Seed of the replication with this index, from 0: they follow one another, and after the last comes 0. */
export function replicationSeed(first: number, index: number): number {
  return (first + index) % 2 ** 32;
}
