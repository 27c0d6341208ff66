import type { Frame } from "@weft/simulator";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type MetricPoint, MetricSeries, thinPoints } from "./metric-series.ts";

const frame = (simulatedMs: number, rate: number, components: Record<string, number> = { api: 0.5 }): Frame => ({
  sequence: 1,
  simulatedMs,
  durationMs: 1000,
  speed: 0,
  load: 1,
  total: {
    requestsPerSecond: rate,
    failuresPerSecond: rate / 10,
    goodputPerSecond: rate * 0.9,
    goodputRatio: 0.9,
    p50Ms: 1,
    p95Ms: 2,
    p99Ms: 3,
    inFlight: 0,
    completed: 0,
    failed: 0,
  },
  components: Object.entries(components).map(([id, utilization]) => ({
    id,
    requestsPerSecond: rate,
    failuresPerSecond: 0,
    utilization,
    queueLength: 2,
    inFlight: 0,
    p50Ms: 1,
    p95Ms: 2,
    p99Ms: 3,
  })),
  bottleneck: "",
});
const system = (points: readonly MetricPoint[]) => points.filter(({ component }) => component === "");

describe("MetricSeries", () => {
  it("gives one point per slice, for the system and each component, of means weighted by the time covered", () => {
    const series = new MetricSeries(1000, 10);
    expect(series.add(frame(25, 100, { api: 0.2, db: 0.6 }))).toEqual([]);
    const points = series.add(frame(100, 200, { api: 0.4, db: 1 }));
    expect(points.map(({ component }) => component)).toEqual(["", "api", "db"]);
    // 25 ms at 100 and 75 ms at 200.
    expect(points[0]).toMatchObject({ simulatedSeconds: 0.1, requestsPerSecond: 175, failuresPerSecond: 17.5 });
    expect(points[1]?.utilization).toBeCloseTo(0.35);
    expect(points[2]?.utilization).toBeCloseTo(0.9);
  });

  it("has the p95 of everything, and of the system its goodput", () => {
    const series = new MetricSeries(1000, 10);
    series.add(frame(25, 100));
    const [all, api] = series.add(frame(100, 200));
    expect(all).toMatchObject({ goodputPerSecond: 157.5, p95Ms: 2 });
    expect(api).toMatchObject({ goodputPerSecond: undefined, p95Ms: 2 });
  });

  it("says of the system the highest utilization of a component, and all that wait", () => {
    const [point] = new MetricSeries(1000, 10).add(frame(100, 1, { api: 0.2, db: 0.6 }));
    expect(point).toMatchObject({ utilization: 0.6, queueLength: 4 });
  });

  it("takes no part of frames that cover no time, such as those that tell a pause", () => {
    const series = new MetricSeries(1000, 10);
    series.add(frame(50, 100));
    expect(series.add(frame(50, 1e6))).toEqual([]);
    expect(system(series.flush())).toMatchObject([{ simulatedSeconds: 0.05, requestsPerSecond: 100 }]);
  });

  it("takes latencies from frames in which something was answered", () => {
    const series = new MetricSeries(1000, 10);
    const idle = frame(50, 0);
    series.add({ ...idle, total: { ...idle.total, p50Ms: 0, p99Ms: 0 } });
    expect(system(series.add(frame(100, 100)))).toMatchObject([{ requestsPerSecond: 50, p50Ms: 1, p99Ms: 3 }]);
  });

  it("has nothing to flush when nothing was covered", () => {
    const series = new MetricSeries(1000, 10);
    expect(series.flush()).toEqual([]);
    series.add(frame(100, 1));
    expect(series.flush()).toEqual([]);
  });

  it("never has more points than asked for, however many frames there are, and never two at one time", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 300 }),
        fc.integer({ min: 1, max: 40 }),
        (steps, most) => {
          const series = new MetricSeries(10_000, most);
          const points: MetricPoint[] = [];
          let atMs = 0;
          for (const step of steps) {
            atMs = Math.min(10_000, atMs + step);
            points.push(...system(series.add(frame(atMs, 1))));
          }
          points.push(...system(series.flush()));
          expect(points.length).toBeLessThanOrEqual(most);
          expect(new Set(points.map(({ simulatedSeconds }) => simulatedSeconds)).size).toBe(points.length);
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("thinPoints", () => {
  const point = (simulatedSeconds: number, value: number): MetricPoint => ({
    component: "api",
    simulatedSeconds,
    requestsPerSecond: value,
    failuresPerSecond: value,
    utilization: value,
    queueLength: value,
    p50Ms: value,
    p99Ms: value,
  });

  it("leaves a series alone that is short enough", () => {
    const points = [point(1, 1), point(2, 2)];
    expect(thinPoints(points, 2)).toBe(points);
  });

  it("merges neighbours into one, weighted by the time each covers, at the end of the last", () => {
    expect(thinPoints([point(1, 10), point(4, 20), point(5, 0)], 2)).toEqual([point(4, 17.5), point(5, 0)]);
  });

  it("has p95 and goodput where all that is merged has them", () => {
    const full = (at: number, value: number) => ({ ...point(at, value), p95Ms: value, goodputPerSecond: value });
    expect(thinPoints([full(1, 0), full(2, 8)], 1)).toEqual([{ ...full(2, 4), p50Ms: 8, p95Ms: 8, p99Ms: 8 }]);
    expect(thinPoints([full(1, 4), point(2, 4)], 1)).toEqual([point(2, 4)]);
  });

  it("leaves idle points out of latencies", () => {
    expect(thinPoints([point(1, 0), point(2, 8)], 1)).toEqual([{ ...point(2, 4), p50Ms: 8, p99Ms: 8 }]);
  });

  it.each([1, 2, 7, 99, 100, 101])("leaves at most %i of a hundred", (most) => {
    const points = Array.from({ length: 100 }, (_, index) => point(index + 1, 1));
    const thinned = thinPoints(points, most);
    expect(thinned.length).toBeLessThanOrEqual(most);
    expect(thinned.at(-1)?.simulatedSeconds).toBe(100);
  });
});
