import { describe, expect, test } from "vitest";
import { RandomStream } from "../random.ts";
import { demandsFrom, requestRates } from "./demands.ts";
import { readPrometheus } from "./prometheus.ts";

const stepS = 15;
const from = 1_700_000_000;

interface Load {
  /** Requests per second of each class in each window. */
  readonly rates: Readonly<Record<string, readonly number[]>>;
  readonly demandMs: Readonly<Record<string, number>>;
  readonly background?: number;
  readonly noise?: number;
}

/** Counters as a service would show them that obeys the utilization law. */
function answer({ rates, demandMs, background = 0, noise = 0 }: Load) {
  const stream = new RandomStream(2, "noise");
  const windows = Object.values(rates)[0]?.length ?? 0;
  const counter = (increase: (window: number) => number) => {
    let value = 1000;
    const values: [number, string][] = [[from, String(value)]];
    for (let window = 0; window < windows; window++) {
      value += increase(window);
      values.push([from + stepS * (window + 1), String(value)]);
    }
    return values;
  };
  const classes = Object.keys(rates);
  const busy = (window: number) =>
    classes.reduce((sum, name) => sum + ((rates[name]?.[window] ?? 0) * (demandMs[name] ?? 0)) / 1000, background);
  return {
    status: "success",
    data: {
      resultType: "matrix",
      result: [
        ...classes.map((route) => ({
          metric: { __name__: "http_requests_total", service: "shop", route },
          values: counter((window) => (rates[route]?.[window] ?? 0) * stepS),
        })),
        {
          metric: { __name__: "process_cpu_seconds_total", service: "shop" },
          values: counter((window) => busy(window) * (1 + noise * stream.normal()) * stepS),
        },
      ],
    },
  };
}

const varying = (seed: number, count = 120) => {
  const stream = new RandomStream(seed, "rates");
  return Array.from({ length: count }, () => 10 + 40 * stream.uniform());
};

describe("demandsFrom", () => {
  test("recovers the demands of classes and the background within 5 % of noisy counters", () => {
    const rates = { list: varying(1), buy: varying(2) };
    const load = { rates, demandMs: { list: 4, buy: 12 }, background: 0.1, noise: 0.03 };
    const [demand] = demandsFrom(readPrometheus(answer(load), "m.json"));
    expect(demand?.unclear).toBeUndefined();
    expect(demand?.classes.map(({ unclear }) => unclear)).toEqual([undefined, undefined]);
    for (const [index, truth] of [4, 12].entries()) {
      expect(Math.abs((demand?.classes[index]?.demandMs ?? 0) / truth - 1)).toBeLessThan(0.05);
    }
    expect(demand?.backgroundSlots).toBeCloseTo(0.1, 1);
  });

  test("knows only the sum when classes always come in the same mix", () => {
    const list = varying(1);
    const load = { rates: { list, buy: list.map((rate) => rate / 4) }, demandMs: { list: 4, buy: 12 }, noise: 0.02 };
    const [demand] = demandsFrom(readPrometheus(answer(load), "m.json"));
    expect(demand?.classes.map(({ unclear }) => unclear?.slice(0, 14))).toEqual(["a constant mix", "a constant mix"]);
    expect(demand?.unclear).toBeUndefined();
    expect(demand?.meanMs).toBeCloseTo((4 + 12 / 4) / 1.25, 0);
  });

  test("does not judge by a load that does not matter, or hardly varies", () => {
    const low = { rates: { list: varying(1).map((rate) => rate / 100) }, demandMs: { list: 4 } };
    expect(demandsFrom(readPrometheus(answer(low), "m.json"))[0]?.unclear).toMatch(/low load: at most 0.\d+ %/);
    const steady = { rates: { list: new Array(50).fill(20) }, demandMs: { list: 4 }, background: 0.1 };
    expect(demandsFrom(readPrometheus(answer(steady), "m.json"))[0]?.backgroundSlots).toBeUndefined();
  });
});

describe("readPrometheus", () => {
  const series = (values: unknown, labels: object = { __name__: "http_requests_total", job: "web" }) => ({
    status: "success",
    data: { resultType: "matrix", result: [{ metric: labels, values }] },
  });
  const counts = (...values: number[]) => values.map((value, index) => [from + index * 10, String(value)]);

  test("uses no window with a gap, a restart or no number in it", () => {
    const values = [
      ...counts(0, 10, 20, 5, 15),
      [from + 100, "25"],
      [from + 110, "NaN"],
      [from + 120, "45"],
      [from + 130, "55"],
    ];
    const metrics = readPrometheus(series(values), "m.json");
    expect(metrics.series[0]?.windows.map(({ increase }) => increase)).toEqual([10, 10, 10, 10]);
    expect([metrics.gaps, metrics.resets]).toEqual([2, 1]);
    expect(requestRates(metrics).get("web")).toBe(1);
  });

  test("adds instances only in windows that all of them have", () => {
    const parts = [counts(0, 10, 20, 30), counts(0, 10), counts(0, 10, 20, 30).filter((_, index) => index !== 2)];
    const result = parts.map((values, index) => ({
      metric: { __name__: "http_requests_total", job: "web", instance: index },
      values,
    }));
    const metrics = readPrometheus({ data: { resultType: "matrix", result } }, "m.json");
    expect(requestRates(metrics).get("web")).toBe(3);
  });

  test("refuses rates and what has no name, with what to do", () => {
    const gauge = Array.from({ length: 100 }, (_, index) => 5 + (index % 3));
    const { refused } = readPrometheus(series(counts(...gauge)), "m.json");
    expect([...refused.keys()]).toEqual(["it falls too often for a counter; was rate() applied?"]);
    const unnamed = readPrometheus(series(counts(1, 2), { job: "web" }), "m.json");
    expect([...unnamed.refused.keys()][0]).toMatch(/as after rate\(\) or sum\(\): say what it is, as in requests=FILE/);
    expect(readPrometheus(series(counts(1, 2), { job: "web" }), "m.json", "requests").series.length).toBe(1);
  });

  test("refuses answers that are no range query, naming the file", () => {
    expect(() => readPrometheus({ data: { resultType: "vector" } }, "m.json")).toThrow(/^m.json is a vector; it takes/);
    expect(() => readPrometheus({ status: "error", error: "parse error" }, "m.json")).toThrow(
      /error of Prometheus: parse error/,
    );
    expect(() => readPrometheus([], "m.json")).toThrow(/m.json is a list/);
  });

  test("reads the ends of buckets in ms", () => {
    const labels = { __name__: "http_duration_seconds_bucket", job: "web", le: "0.25" };
    expect(readPrometheus(series(counts(1, 2), labels), "m.json").series[0]).toMatchObject({
      role: "buckets",
      upToMs: 250,
    });
  });
});
