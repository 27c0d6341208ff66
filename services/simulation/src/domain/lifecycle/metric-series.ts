import type { Frame } from "@weft/simulator";

/*
 * Thins a run's frames to a time series that is kept: points on an even grid of simulated time, each the mean of the
 * frames that end in its slice, weighted by the time they cover. A run has at most `maxPoints` points per component,
 * however long it is and however fast it goes.
 */

export interface MetricPoint {
  /** "" is the whole system. */
  readonly component: string;
  /** End of the slice. */
  readonly simulatedSeconds: number;
  readonly requestsPerSecond: number;
  readonly failuresPerSecond: number;
  readonly utilization: number;
  readonly queueLength: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** 300 points draw a smooth line on any screen, and keep a run of 50 components at 15 000 rows. */
export const maxPoints = 300;

type Values = Omit<MetricPoint, "component" | "simulatedSeconds">;

export class MetricSeries {
  readonly #sliceMs: number;
  readonly #sums = new Map<string, Values>();
  #weightMs = 0;
  #lastMs = 0;
  #sliceEndMs: number;

  constructor(durationMs: number, points: number = maxPoints) {
    this.#sliceMs = durationMs / points;
    this.#sliceEndMs = this.#sliceMs;
  }

  /** Takes a frame in; gives the points of the slice that it completed, or none. */
  add(frame: Frame): readonly MetricPoint[] {
    const coveredMs = frame.simulatedMs - this.#lastMs;
    if (coveredMs <= 0) {
      return [];
    }
    this.#lastMs = frame.simulatedMs;
    this.#weightMs += coveredMs;
    const used = frame.components.map((component) => component.utilization);
    this.#sum("", coveredMs, {
      requestsPerSecond: frame.total.requestsPerSecond,
      failuresPerSecond: frame.total.failuresPerSecond,
      utilization: used.length === 0 ? 0 : Math.max(...used),
      queueLength: frame.components.reduce((sum, component) => sum + component.queueLength, 0),
      p50Ms: frame.total.p50Ms,
      p99Ms: frame.total.p99Ms,
    });
    for (const component of frame.components) {
      this.#sum(component.id, coveredMs, component);
    }
    return frame.simulatedMs >= this.#sliceEndMs ? this.flush() : [];
  }

  /** The points of the slice that has begun; none when it is empty. */
  flush(): readonly MetricPoint[] {
    if (this.#weightMs === 0) {
      return [];
    }
    const simulatedSeconds = this.#lastMs / 1000;
    const points = [...this.#sums].map(([component, sums]) => ({
      component,
      simulatedSeconds,
      ...mapValues(sums, (sum) => sum / this.#weightMs),
    }));
    this.#sums.clear();
    this.#weightMs = 0;
    this.#sliceEndMs = (Math.floor(this.#lastMs / this.#sliceMs) + 1) * this.#sliceMs;
    return points;
  }

  #sum(component: string, weight: number, values: Values): void {
    const sums = this.#sums.get(component);
    this.#sums.set(component, {
      requestsPerSecond: (sums?.requestsPerSecond ?? 0) + values.requestsPerSecond * weight,
      failuresPerSecond: (sums?.failuresPerSecond ?? 0) + values.failuresPerSecond * weight,
      utilization: (sums?.utilization ?? 0) + values.utilization * weight,
      queueLength: (sums?.queueLength ?? 0) + values.queueLength * weight,
      p50Ms: (sums?.p50Ms ?? 0) + values.p50Ms * weight,
      p99Ms: (sums?.p99Ms ?? 0) + values.p99Ms * weight,
    });
  }
}

/** Merges neighbouring points until at most `most` are left: their means, weighted by the time each covers. */
export function thinPoints(points: readonly MetricPoint[], most: number): readonly MetricPoint[] {
  const group = Math.ceil(points.length / most);
  if (group <= 1) {
    return points;
  }
  const thinned: MetricPoint[] = [];
  const covered = points.map((point, index) => point.simulatedSeconds - (points[index - 1]?.simulatedSeconds ?? 0));
  for (let start = 0; start < points.length; start += group) {
    const part = points.slice(start, start + group);
    const last = part[part.length - 1] as MetricPoint;
    const weights = covered.slice(start, start + group);
    const weight = weights.reduce((sum, seconds) => sum + seconds, 0);
    const mean = (read: (point: MetricPoint) => number): number =>
      part.reduce((sum, point, index) => sum + read(point) * (weights[index] as number), 0) / weight;
    thinned.push({
      component: last.component,
      simulatedSeconds: last.simulatedSeconds,
      requestsPerSecond: mean((point) => point.requestsPerSecond),
      failuresPerSecond: mean((point) => point.failuresPerSecond),
      utilization: mean((point) => point.utilization),
      queueLength: mean((point) => point.queueLength),
      p50Ms: mean((point) => point.p50Ms),
      p99Ms: mean((point) => point.p99Ms),
    });
  }
  return thinned;
}

function mapValues(values: Values, change: (value: number) => number): Values {
  return {
    requestsPerSecond: change(values.requestsPerSecond),
    failuresPerSecond: change(values.failuresPerSecond),
    utilization: change(values.utilization),
    queueLength: change(values.queueLength),
    p50Ms: change(values.p50Ms),
    p99Ms: change(values.p99Ms),
  };
}
