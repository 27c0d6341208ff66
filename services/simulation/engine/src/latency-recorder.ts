/**
 * How long completed requests took, per component, in two views: since the measurement began, and since the last frame.
 *
 * Only requests that were answered well count: a refusal is fast and a timeout as slow as the patience of the caller, and
 * either would make the latency of the working system unreadable. Failures are counted elsewhere.
 *
 * A duration is counted once, in `#fresh`; both views share it, and a frame's end moves it to the past. What came in this
 * frame but before the measurement began is kept apart.
 */
import { Histogram } from "./histogram.ts";

export class LatencyRecorder {
  /** Measured, before this frame. */
  readonly #past: readonly Histogram[];
  /** In this frame, and measured. */
  readonly #fresh: readonly Histogram[];
  /** In this frame, before the measurement began. */
  readonly #early: readonly Histogram[];

  constructor(components: number) {
    const histograms = () => Array.from({ length: components }, () => new Histogram());
    this.#past = histograms();
    this.#fresh = histograms();
    this.#early = histograms();
  }

  record(component: number, latencyNs: number): void {
    (this.#fresh[component] as Histogram).record(latencyNs);
  }

  /** Of every component, since the measurement began. */
  measured(): Histogram[] {
    return this.#past.map((past, component) => mergeHistograms([past, this.#fresh[component] as Histogram]));
  }

  /** Of one component, since the last frame; to be read at once. */
  recent(component: number): Histogram {
    const [early, fresh] = [this.#early[component] as Histogram, this.#fresh[component] as Histogram];
    return early.count === 0 ? fresh : mergeHistograms([early, fresh]);
  }

  /** From now on durations are measured; those so far are not. */
  beginMeasurement(): void {
    for (const [component, fresh] of this.#fresh.entries()) {
      (this.#past[component] as Histogram).clear();
      (this.#early[component] as Histogram).merge(fresh);
      fresh.clear();
    }
  }

  endFrame(): void {
    for (const [component, fresh] of this.#fresh.entries()) {
      (this.#past[component] as Histogram).merge(fresh);
      (this.#early[component] as Histogram).clear();
      fresh.clear();
    }
  }
}

/** One histogram of what several saw. */
export function mergeHistograms(histograms: readonly Histogram[]): Histogram {
  const merged = new Histogram();
  for (const histogram of histograms) merged.merge(histogram);
  return merged;
}
