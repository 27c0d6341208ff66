import type { Frame } from "@weft/simulator";

/*
 * Thins a run's frames to a time series that is kept: points on an even grid of simulated time, each the mean of the
 * frames that end in its slice, weighted by the time they cover; those in which nothing was answered say nothing of latencies. A run has at most `maxPoints` points per component,
 * however long it is and however fast it goes.
 */

export interface MetricPoint {
  /** "" is the whole system. */
  readonly component: string;
  /** End of the slice. */
  readonly simulatedSeconds: number;
  readonly requestsPerSecond: number;
  readonly failuresPerSecond: number;
  /** Answered well and in time; of the whole system alone, and not in series that are older than this field. */
  readonly goodputPerSecond?: number | undefined;
  readonly utilization: number;
  readonly queueLength: number;
  /** Means of what the frames show; 0 when nothing was answered. */
  readonly p50Ms: number;
  /** Undefined in series that are older than this field. */
  readonly p95Ms?: number | undefined;
  readonly p99Ms: number;
}

/** 300 points draw a smooth line on any screen, and keep a run of 50 components at 15 000 rows. */
export const maxPoints = 300;

type Values = Omit<MetricPoint, "component" | "simulatedSeconds">;
/** Values times the milliseconds they stand for, which are fewer for latencies. */
interface Sums {
  readonly values: Values;
  readonly answeringMs: number;
}

export class MetricSeries {
  readonly #sliceMs: number;
  readonly #sums = new Map<string, Sums>();
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
      goodputPerSecond: frame.total.goodputPerSecond,
      utilization: used.length === 0 ? 0 : Math.max(...used),
      queueLength: frame.components.reduce((sum, component) => sum + component.queueLength, 0),
      p50Ms: frame.total.p50Ms,
      p95Ms: frame.total.p95Ms,
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
      ...meansOf(sums, this.#weightMs),
    }));
    this.#sums.clear();
    this.#weightMs = 0;
    this.#sliceEndMs = (Math.floor(this.#lastMs / this.#sliceMs) + 1) * this.#sliceMs;
    return points;
  }

  #sum(component: string, weight: number, values: Values): void {
    const { values: sums, answeringMs = 0 } = this.#sums.get(component) ?? {};
    this.#sums.set(component, {
      values: {
        requestsPerSecond: (sums?.requestsPerSecond ?? 0) + values.requestsPerSecond * weight,
        failuresPerSecond: (sums?.failuresPerSecond ?? 0) + values.failuresPerSecond * weight,
        goodputPerSecond: added(sums?.goodputPerSecond, values.goodputPerSecond, weight),
        utilization: (sums?.utilization ?? 0) + values.utilization * weight,
        queueLength: (sums?.queueLength ?? 0) + values.queueLength * weight,
        p50Ms: (sums?.p50Ms ?? 0) + values.p50Ms * weight,
        p95Ms: added(sums?.p95Ms, values.p95Ms, weight),
        p99Ms: (sums?.p99Ms ?? 0) + values.p99Ms * weight,
      },
      answeringMs: answeringMs + (values.p99Ms > 0 ? weight : 0),
    });
  }
}

/** What is not known stays unknown. */
function added(sum: number | undefined, value: number | undefined, weight: number): number | undefined {
  return value === undefined ? undefined : (sum ?? 0) + value * weight;
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
    const knows = (field: "goodputPerSecond" | "p95Ms"): boolean => part.every((point) => point[field] !== undefined);
    const total = (read: (point: MetricPoint) => number): number =>
      part.reduce((sum, point, index) => sum + read(point) * (weights[index] as number), 0);
    const weight = total(() => 1);
    const answering = total((point) => (point.p99Ms > 0 ? 1 : 0));
    const mean = (read: (point: MetricPoint) => number): number => total(read) / weight;
    const latency = (read: (point: MetricPoint) => number): number => (answering === 0 ? 0 : total(read) / answering);
    thinned.push({
      component: last.component,
      simulatedSeconds: last.simulatedSeconds,
      requestsPerSecond: mean((point) => point.requestsPerSecond),
      failuresPerSecond: mean((point) => point.failuresPerSecond),
      goodputPerSecond: knows("goodputPerSecond") ? mean((point) => point.goodputPerSecond ?? 0) : undefined,
      utilization: mean((point) => point.utilization),
      queueLength: mean((point) => point.queueLength),
      p50Ms: latency((point) => point.p50Ms),
      p95Ms: knows("p95Ms") ? latency((point) => point.p95Ms ?? 0) : undefined,
      p99Ms: latency((point) => point.p99Ms),
    });
  }
  return thinned;
}

function meansOf({ values, answeringMs }: Sums, weightMs: number): Values {
  const { goodputPerSecond, p95Ms } = values;
  return {
    requestsPerSecond: values.requestsPerSecond / weightMs,
    failuresPerSecond: values.failuresPerSecond / weightMs,
    goodputPerSecond: goodputPerSecond === undefined ? undefined : goodputPerSecond / weightMs,
    utilization: values.utilization / weightMs,
    queueLength: values.queueLength / weightMs,
    p50Ms: answeringMs === 0 ? 0 : values.p50Ms / answeringMs,
    p95Ms: p95Ms === undefined ? undefined : answeringMs === 0 ? 0 : p95Ms / answeringMs,
    p99Ms: answeringMs === 0 ? 0 : values.p99Ms / answeringMs,
  };
}
