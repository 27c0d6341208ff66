/**
 * What viewers see while a run goes on: means since the frame before, and totals since the start of the run.
 *
 * Rates are per simulated second. Latencies may be taken over a longer stretch, too (recent-latencies.ts). The bottleneck is judged over a longer stretch (one to two of `bottleneckWindowNs`),
 * because within one frame at real-time speed a single busy slot looks saturated half of the time.
 */
import { findBottlenecks } from "./bottlenecks.ts";
import type { ComponentStatistics, Snapshot } from "./component-statistics.ts";
import { type LatencyRecorder, mergeHistograms } from "./latency-recorder.ts";
import type { Model } from "./model.ts";
import { type ComponentPeriod, ratio, readPeriod } from "./period.ts";
import { RecentLatencies } from "./recent-latencies.ts";

const nsPerMs = 1e6;
const bottleneckWindowNs = 2e9;

export interface FrameTotal {
  /** End-to-end requests answered, well or badly. */
  readonly requestsPerSecond: number;
  readonly failuresPerSecond: number;
  /** Answered well and within the deadline of their workload: per second, and of all that were answered (0 when none were). */
  readonly goodputPerSecond: number;
  readonly goodputRatio: number;
  /** Of the requests answered well since the frame before, or in the latency window; 0 when there were none. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  readonly inFlight: number;
  /** Since the start of the run. */
  readonly completed: number;
  readonly failed: number;
}

export interface FrameComponent {
  readonly id: string;
  /** Requests answered, well or badly, or shed. */
  readonly requestsPerSecond: number;
  readonly failuresPerSecond: number;
  /** Mean share of the slots held, 0 to 1. */
  readonly utilization: number;
  /** Mean number waiting. */
  readonly queueLength: number;
  readonly inFlight: number;
  /** From arrival here to the answer; over the same stretch as the total's, 0 when there were none. */
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** Plain data, ready for JSON. */
export interface Frame {
  /** From 1, without gaps. */
  readonly sequence: number;
  readonly simulatedMs: number;
  readonly durationMs: number;
  /** Simulated time per wall time as achieved; 0 until the runner knows. */
  readonly speed: number;
  readonly load: number;
  readonly total: FrameTotal;
  readonly components: readonly FrameComponent[];
  /** Id of the component that limits the system now, or "". */
  readonly bottleneck: string;
}

export class FrameComposer {
  readonly #model: Model;
  readonly #statistics: ComponentStatistics;
  readonly #latencies: LatencyRecorder;
  readonly #recent: RecentLatencies;
  readonly #start: Snapshot;
  #previous: Snapshot;
  #windowStart: Snapshot;
  #nextWindowStart: Snapshot;
  #sequence = 0;

  /** `latencyWindowNs`: what quantiles are taken over at least; 0 for a frame's own time. */
  constructor(
    model: Model,
    statistics: ComponentStatistics,
    latencies: LatencyRecorder,
    { latencyWindowNs }: { readonly latencyWindowNs: number },
  ) {
    this.#model = model;
    this.#statistics = statistics;
    this.#latencies = latencies;
    this.#recent = new RecentLatencies(latencies, model.components.length, latencyWindowNs);
    this.#start = statistics.snapshot(0);
    this.#previous = this.#start;
    this.#windowStart = this.#start;
    this.#nextWindowStart = this.#start;
  }

  compose(clock: { nowNs: number; durationMs: number; load: number; speed: number }): Frame {
    const now = this.#statistics.snapshot(clock.nowNs);
    this.#recent.advance(clock.nowNs);
    const periods = this.#model.components.map((component) => readPeriod(component, this.#previous, now));
    const frame: Frame = {
      sequence: ++this.#sequence,
      simulatedMs: clock.nowNs / nsPerMs,
      durationMs: clock.durationMs,
      speed: clock.speed,
      load: clock.load,
      total: this.#total(periods, now),
      components: this.#model.components.map(({ id, index }) => this.#component(id, index, periods)),
      bottleneck: this.#bottleneck(now),
    };
    this.#latencies.endFrame();
    this.#previous = now;
    return frame;
  }

  #component(id: string, index: number, periods: readonly ComponentPeriod[]): FrameComponent {
    const { completed, failed, shed, seconds, utilization, queueLengthMean, inFlight } = periods[
      index
    ] as ComponentPeriod;
    const latency = this.#recent.of(index);
    return {
      id,
      requestsPerSecond: ratio(completed + failed + shed, seconds),
      failuresPerSecond: ratio(failed + shed, seconds),
      utilization,
      queueLength: queueLengthMean,
      inFlight,
      p50Ms: latency.quantileNs(0.5) / nsPerMs,
      p95Ms: latency.quantileNs(0.95) / nsPerMs,
      p99Ms: latency.quantileNs(0.99) / nsPerMs,
    };
  }

  #total(periods: readonly ComponentPeriod[], now: Snapshot): FrameTotal {
    const clients = this.#model.components.filter((component) => component.isClient);
    const latency = mergeHistograms(clients.map(({ index }) => this.#recent.of(index)));
    const recent = clients.map(({ index }) => periods[index] as ComponentPeriod);
    const whole = clients.map((client) => readPeriod(client, this.#start, now));
    const seconds = recent[0]?.seconds ?? 0;
    const answered = sum(recent, "completed") + sum(recent, "failed");
    return {
      requestsPerSecond: ratio(answered, seconds),
      failuresPerSecond: ratio(sum(recent, "failed"), seconds),
      goodputPerSecond: ratio(sum(recent, "onTime"), seconds),
      goodputRatio: ratio(sum(recent, "onTime"), answered),
      p50Ms: latency.quantileNs(0.5) / nsPerMs,
      p95Ms: latency.quantileNs(0.95) / nsPerMs,
      p99Ms: latency.quantileNs(0.99) / nsPerMs,
      inFlight: sum(recent, "inFlight"),
      completed: sum(whole, "completed"),
      failed: sum(whole, "failed"),
    };
  }

  #bottleneck(now: Snapshot): string {
    const periods = this.#model.components.map((component) => readPeriod(component, this.#windowStart, now));
    const [first] = findBottlenecks(this.#model, periods);
    if (now.atNs - this.#nextWindowStart.atNs >= bottleneckWindowNs) {
      this.#windowStart = this.#nextWindowStart;
      this.#nextWindowStart = now;
    }
    return first === undefined || first.reason === "highest-demand" ? "" : first.component;
  }
}

function sum(periods: readonly ComponentPeriod[], field: "completed" | "failed" | "inFlight" | "onTime"): number {
  return periods.reduce((total, period) => total + period[field], 0);
}
