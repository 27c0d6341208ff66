import { describe, expect, test } from "vitest";
import type { Architecture, Component, Link } from "./architecture.ts";
import type { Change, PlannedChange } from "./changes.ts";
import { compileModel } from "./model.ts";
import { ModelError } from "./model-error.ts";
import type { Results } from "./results.ts";
import { closed, component, constant, constantRate, exponential, link, resultsOfComponent } from "./scenario.ts";
import { Simulation } from "./simulation.ts";

/** 100 requests/s; what is not said takes no time, so whatever a change does is all that is seen. */
function system(given: { api?: Partial<Component>; db?: Partial<Component>; call?: Partial<Link> } = {}): Architecture {
  return {
    components: [
      component("client", "client"),
      component("api", "service", { concurrency: 100, ...given.api }),
      component("db", "database", { concurrency: 100, serviceTime: constant(10), ...given.db }),
    ],
    links: [link("client", "api"), link("api", "db", { latency: constant(2), ...given.call })],
    workloads: [constantRate("client", 100)],
  };
}

const periodMs = 1000;

/** A figure before a change, while it holds and after it was undone; each from a run of its own that begins there. */
function seen(model: Architecture, change: Change, undo: Change, read: (results: Results) => number): number[] {
  const changes = [
    { atMs: periodMs + 5, change },
    { atMs: 2 * periodMs + 5, change: undo },
  ];
  return [0, 1, 2].map((period) => {
    const warmupMs = period * periodMs + 5;
    const durationMs = (period + 1) * periodMs + 5;
    const planned = changes.filter(({ atMs }) => atMs < durationMs);
    const run = new Simulation(compileModel(model), { seed: 1, durationMs, warmupMs, changes: planned });
    run.runUntil(durationMs);
    return read(run.results());
  });
}

const meanMs = ({ latency }: Results) => latency.meanMs;
const failed = (results: Results) => results.failed;
const arrivals = (id: string) => (results: Results) => resultsOfComponent(results, id).completed;

describe("a change takes effect, and is undone by setting back what it set", () => {
  test("load and workload", () => {
    const per = (kind: Change) => seen(system(), kind, { kind: "load", load: 1 }, arrivals("db"));
    // One to three are under way when a period ends.
    expect(per({ kind: "load", load: 3 })).toEqual([99, 298, 102]);
    const workload = { kind: "workload", workload: "client-load" } as const;
    expect(seen(system(), { ...workload, factor: 0.5 }, { ...workload, factor: 1 }, arrivals("db"))).toEqual([
      99, 50, 100,
    ]);
  });

  test("the users of a closed workload come and go", () => {
    const model = { ...system(), workloads: [closed("client", 4, 0)] };
    // 12 ms for each of the users in turn.
    const [before, during, after] = seen(model, { kind: "load", load: 2 }, { kind: "load", load: 1 }, arrivals("db"));
    for (const [is, wanted] of [
      [before, 333],
      [during, 667],
      [after, 333],
    ] as const) {
      expect(Math.abs((is ?? 0) - wanted)).toBeLessThan(12);
    }
  });

  test("work, everywhere and in one instance", () => {
    const work = { kind: "work", component: "db" } as const;
    expect(seen(system(), { ...work, factor: 4 }, { ...work, factor: 1 }, meanMs)[1]).toBeCloseTo(42, 0);
    const two = system({ db: { instances: 2, balancing: "round_robin" } });
    const [before, during, after] = seen(two, { ...work, factor: 3, instance: 1 }, { ...work, factor: 1 }, meanMs);
    expect(before).toBe(12);
    // The one that was slow when it was undone stays slow.
    expect(after).toBeCloseTo(12 + 20 / 101, 9);
    expect(during).toBeCloseTo((12 + 32) / 2, 0);
  });

  test("errors, instead of the component's own ratio", () => {
    const model = system({ db: { errorRatio: 1 } });
    const errors = { kind: "errors", component: "db" } as const;
    expect(seen(model, { ...errors, ratio: 0 }, { ...errors, ratio: 1 }, failed)).toEqual([99, 0, 100]);
  });

  test("down and up, noticed or not", () => {
    const two = system({ db: { instances: 2, balancing: "round_robin" } });
    const of = (isNoticed: boolean, model = two) => {
      const down = { kind: "down", component: "db", instances: [0], inFlight: "finish", isNoticed } as const;
      return seen(model, down, { kind: "up", component: "db", instances: [0] }, failed);
    };
    expect(of(true)).toEqual([0, 0, 0]);
    expect(of(false)).toEqual([0, 50, 0]);
    expect(of(true, system())).toEqual([0, 100, 0]);
  });

  test("slots: fewer hold up who comes, more let go on who waits", () => {
    const slots = { kind: "slots", component: "db" } as const;
    const [before, during, after] = seen(system(), { ...slots, slots: 0 }, { ...slots, slots: 100 }, arrivals("db"));
    expect([before, during, after]).toEqual([99, 1, 199]);
  });

  test("hits of a cache with a fixed ratio, and a flush of one with keys", () => {
    const cache = (given: Partial<Component>): Architecture => ({
      ...system(),
      components: [component("client", "client"), component("api", "cache", given), component("db", "database")],
    });
    const hits = { kind: "hits", component: "api" } as const;
    const misses = arrivals("db");
    expect(seen(cache({ hitRatio: 1 }), { ...hits, factor: 0 }, { ...hits, factor: 1 }, misses)).toEqual([0, 100, 0]);
    const keys = { keys: 5, skew: 0, capacity: 5, policy: "lru", ttlMs: 0, singleFlight: false } as const;
    const flush = { kind: "flush", component: "api" } as const;
    expect(seen(cache({ cache: keys }), flush, flush, misses)).toEqual([5, 5, 5]);
  });

  test("delay, for a share of the calls and on the way there", () => {
    const delay = { kind: "delay", link: "api-db", extra: constant(100) } as const;
    const [before, during, after] = seen(system(), { ...delay, share: 0.5 }, { ...delay, share: 0 }, meanMs);
    expect(before).toBe(12);
    expect(Math.abs((during ?? 0) - 62)).toBeLessThan(15);
    // Those that were under way when it was undone are still late.
    expect(after).toBeLessThan(20);
  });

  test("retries and their pauses", () => {
    const model = system({ db: { errorRatio: 1 }, call: { retries: 1 } });
    const retries = { kind: "retries", link: "api-db", backoffMs: 0, keepsBudget: true } as const;
    const tried = (results: Results) => resultsOfComponent(results, "db").retried;
    const [before, during, after] = seen(model, { ...retries, retries: 3 }, { ...retries, retries: 0 }, tried);
    expect(before).toBe(99);
    expect(Math.abs((during ?? 0) - 300)).toBeLessThanOrEqual(4);
    expect(after).toBeLessThanOrEqual(4);
  });

  test("a burst, of open and of closed workloads, who are then gone again", () => {
    const burst = { kind: "burst", workload: "client-load", requests: 40 } as const;
    expect(seen(system(), burst, { kind: "load", load: 1 }, arrivals("db"))).toEqual([99, 140, 100]);
    const users = { ...system(), workloads: [closed("client", 1, 0)] };
    const [before, during, after] = seen(users, burst, { kind: "load", load: 1 }, arrivals("db"));
    expect((during ?? 0) - (before ?? 0)).toBe(40);
    expect(after).toBe(before);
  });
});

/** Many kinds of change to a system in which much happens, some of them at the moment of an event. */
const busy: Architecture = {
  components: [
    component("client", "client"),
    component("api", "service", { instances: 3, concurrency: 4, serviceTime: exponential(10) }),
    component("db", "database", { instances: 2, concurrency: 3, serviceTime: exponential(12), cpus: 2 }),
  ],
  links: [
    link("client", "api", { timeoutMs: 300, retries: 1 }),
    link("api", "db", { latency: exponential(1), maxConnections: 3, timeoutMs: 100, timeoutCancels: true }),
  ],
  workloads: [constantRate("client", 200), closed("client", 3, 10)].map((one, index) => ({
    ...one,
    id: `load-${index}`,
  })),
};

const plan: readonly PlannedChange[] = [
  { atMs: 0, change: { kind: "work", component: "db", factor: 1.1 } },
  { atMs: 500, change: { kind: "load", load: 1.5 } },
  { atMs: 500, change: { kind: "burst", workload: "load-0", requests: 30 } },
  { atMs: 700, change: { kind: "down", component: "api", instances: [1], inFlight: "fail", isNoticed: false } },
  { atMs: 800.5, change: { kind: "pause", component: "db", lengthMs: 50 } },
  { atMs: 1000, change: { kind: "connections", link: "api-db", connections: 2 } },
  { atMs: 1000, change: { kind: "loss", link: "api-db", ratio: 0.1 } },
  { atMs: 1200, change: { kind: "up", component: "api", instances: [1] } },
  { atMs: 1500, change: { kind: "slots", component: "api", slots: 2 } },
];

const options = { seed: 3, durationMs: 3000, warmupMs: 600 };

describe("planned changes", () => {
  const whole = new Simulation(compileModel(busy), { ...options, changes: plan });
  whole.runUntil(3000);

  test("are the same changes made by hand at the same times, to the last event", () => {
    const byHand = new Simulation(compileModel(busy), options);
    for (const { atMs, change } of plan) {
      if (atMs > 0) byHand.runUntil(atMs);
      byHand.apply(change);
    }
    byHand.runUntil(3000);
    expect(byHand.results()).toEqual(whole.results());
    expect(whole.results().changes).toEqual(plan);
  });

  test("do not depend on slices, nor on the order in which they are given when their times differ", () => {
    const sliced = new Simulation(compileModel(busy), { ...options, changes: [...plan.slice(4), ...plan.slice(0, 4)] });
    for (let untilMs = 1; !sliced.done; untilMs += 7.7) sliced.runUntil(untilMs);
    expect(sliced.results()).toEqual(whole.results());
  });

  test("take effect between events when a limit of events ends a slice", () => {
    const limited = new Simulation(compileModel(busy), { ...options, changes: plan });
    while (!limited.runUntil(3000, 1));
    expect(limited.results()).toEqual(whole.results());
  });

  test("of the load that are too much for a workload are refused before the run begins", () => {
    const changes = [{ atMs: 10, change: { kind: "load", load: 9000 } }] as const;
    const busiest = { ...busy, workloads: [constantRate("client", 5000)] };
    expect(() => new Simulation(compileModel(busiest), { ...options, changes })).toThrow(/ratePerSecond.*45000000/);
  });

  test("that are impossible are refused before the run begins, each with its reason", () => {
    const changes = [
      { atMs: 5000, change: { kind: "load", load: 1 } },
      { atMs: 1, change: { kind: "errors", component: "nobody", ratio: 0.5 } },
      { atMs: 1, change: { kind: "pause", component: "db", instance: 2, lengthMs: 1 } },
    ] as const;
    const start = () => new Simulation(compileModel(busy), { ...options, changes });
    expect(start).toThrow(ModelError);
    expect(start).toThrow(
      /atMs is 5000; allowed is 0 to 3000.*no component "nobody".*instance is 2; allowed is 0 to 1/s,
    );
  });
});
