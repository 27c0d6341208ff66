/**
 * How long completed requests took, per component, in two views: since the measurement began, and since the last frame.
 *
 * Only requests that were answered well count: a refusal is fast and a timeout as slow as the patience of the caller, and
 * either would make the latency of the working system unreadable. Failures are counted elsewhere.
 */
import { Histogram } from "./histogram.ts";

export class LatencyRecorder {
  readonly measured: readonly Histogram[];
  readonly recent: readonly Histogram[];

  constructor(components: number) {
    this.measured = Array.from({ length: components }, () => new Histogram());
    this.recent = Array.from({ length: components }, () => new Histogram());
  }

  record(component: number, latencyNs: number): void {
    (this.measured[component] as Histogram).record(latencyNs);
    (this.recent[component] as Histogram).record(latencyNs);
  }
}

/** One histogram of what several saw. */
export function mergeHistograms(histograms: readonly Histogram[]): Histogram {
  const merged = new Histogram();
  for (const histogram of histograms) merged.merge(histogram);
  return merged;
}
