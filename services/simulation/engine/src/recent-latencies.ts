import { Histogram } from "./histogram.ts";
import type { LatencyRecorder } from "./latency-recorder.ts";

/**
 * What the quantiles of a frame are taken over: at least the last `windowNs` of simulated time, at most twice as much, or the
 * frame's own time where that is longer.
 *
 * Sixty frames a second at the speed of life cover a handful of requests each, and then the p99 of a frame is no more than its
 * slowest request: at 20 requests a second its mean over a run was 13 ms where the run's p99 was 205 ms. Quantiles of many small
 * samples cannot be put together again afterwards, so the durations are, before the quantile is taken. Two histograms per
 * component fill at the same time; the one that began earlier is shown, and begins anew when the other reaches back far
 * enough. Nothing is allocated from frame to frame. With a window of 0 a frame shows its own time only.
 */
export class RecentLatencies {
  readonly #latencies: LatencyRecorder;
  readonly #windowNs: number;
  /** The one that is shown. */
  #elder: readonly Histogram[];
  #younger: readonly Histogram[];
  #youngerNs = 0;
  #lastNs = 0;

  constructor(latencies: LatencyRecorder, components: number, windowNs: number) {
    this.#latencies = latencies;
    this.#windowNs = windowNs;
    const histograms = () => Array.from({ length: components }, () => new Histogram());
    this.#elder = histograms();
    this.#younger = histograms();
  }

  /** Takes in what came since the frame before; to be called once a frame, before it is read. */
  advance(nowNs: number): void {
    if (nowNs - this.#lastNs >= this.#windowNs) {
      this.#begin(this.#elder);
      this.#youngerNs = this.#begin(this.#younger);
    } else if (nowNs - this.#youngerNs >= this.#windowNs) {
      [this.#elder, this.#younger] = [this.#younger, this.#elder];
      this.#youngerNs = this.#begin(this.#younger);
    }
    for (const [component, elder] of this.#elder.entries()) {
      const recent = this.#latencies.recent(component);
      elder.merge(recent);
      (this.#younger[component] as Histogram).merge(recent);
    }
    this.#lastNs = nowNs;
  }

  /** Of one component, as of the last `advance`; to be read at once. */
  of(component: number): Histogram {
    return this.#elder[component] as Histogram;
  }

  /** Gives when they begin: where the frame does that is taken in next. */
  #begin(histograms: readonly Histogram[]): number {
    for (const histogram of histograms) histogram.clear();
    return this.#lastNs;
  }
}
