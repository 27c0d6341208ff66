import { describe, expect, test } from "vitest";
import type { PlannedChange } from "../changes.ts";
import { checkChange } from "../check-change.ts";
import { compileModel } from "../model.ts";
import { Simulation } from "../simulation.ts";
import type { Fault } from "./fault.ts";
import { faultKinds } from "./fault-families.ts";
import { planFault, planFaults } from "./plan-faults.ts";
import { richSystem } from "./sample-system.ts";

const when = { startMs: 5000, durationMs: 4000 };
const model = compileModel(richSystem);
const constant = { kind: "constant", meanMs: 50, cv: 0 } as const;

/** One of each kind, and every effect of those that have several. */
const samples: readonly Fault[] = [
  { kind: "latency", on: ["link:web-cache"], extra: constant, share: 0.5, rampMs: 2000, ...when },
  { kind: "error", on: ["db"], ratio: 0.5, isRetryable: false, ...when },
  { kind: "error", on: ["db"], ratio: 0.5, code: "not_found", rampMs: 1000, ...when },
  { kind: "crash", on: ["db"], coldFactor: 3, coldMs: 2000, ...when },
  { kind: "partition", on: ["cache-db"], how: "reset", direction: "both", ...when },
  { kind: "packet_loss", on: ["cache-db"], ratio: 0.2, retransmitMs: 50, bandwidth: 0.1, rampMs: 1000, ...when },
  { kind: "slow_node", on: ["web"], factor: 10, rampMs: 2000, ...when },
  { kind: "capacity_loss", on: ["web", "db"], instances: { zone: 0, of: 2 }, rampMs: 1000, ...when },
  { kind: "cache_flush", on: ["kind:cache"], refillMs: 3000, ...when },
  { kind: "stampede", on: ["client-load", "cache"], requests: 700, jitterMs: 1000, ...when },
  { kind: "retry_storm", on: ["client-web"], retries: 5, backoffMs: 1, jitter: "none", policyMs: 6000, ...when },
  { kind: "traffic_spike", on: ["client-load", "cache"], factor: 3, skew: 2, hotShare: 0.2, rampMs: 2000, ...when },
  { kind: "pool_exhaustion", on: ["cache-db", "worker"], leakPerSecond: 2, ...when },
  { kind: "queue_backlog", on: ["queue"], poisonRatio: 0.3, consumersLeft: 0.5, redeliveries: 0, ...when },
  { kind: "pause", on: ["web"], everyMs: 500, lengthMs: 100, ...when },
  { kind: "config_push", on: ["web-queue"], effect: "lookup_failures", ratio: 0.5, ...when },
  { kind: "config_push", on: ["cache"], effect: "synchronised_expiry", ...when },
  { kind: "config_push", on: ["web"], effect: "rolling_restart", ...when },
  { kind: "rate_limit", on: ["web"], factor: 0.1, burst: 3, rampMs: 1000, ...when },
  { kind: "breaker", on: ["client-web"], failures: 2, ...when },
  { kind: "brown_out", on: ["worker"], factor: 5, errorRatio: 0.1, hedgeAfterMs: 10, rampMs: 1000, ...when },
];

/** What a plan leaves behind: the last value of everything that it sets. */
function left(changes: readonly PlannedChange[]): string[] {
  const last = new Map<string, string>();
  for (const { change } of changes) {
    const { kind, ...rest } = change;
    if (kind === "burst" || kind === "flush" || kind === "pause") continue;
    const code = "code" in rest ? rest.code : "";
    const instances = "instances" in rest ? rest.instances : ["instance" in rest ? rest.instance : ""];
    const place =
      "link" in rest ? rest.link : "component" in rest ? rest.component : "workload" in rest ? rest.workload : "";
    for (const one of instances) {
      const value = JSON.stringify({
        ...rest,
        instances: undefined,
        instance: undefined,
        inFlight: undefined,
        isNoticed: undefined,
      });
      last.set(`${kind === "down" ? "up" : kind} ${place} ${one}${code}`, kind === "down" ? "down" : value);
    }
  }
  return [...last].map(([name, value]) => `${name}: ${value}`).sort();
}

const normal = [
  `bandwidth cache-db : {"link":"cache-db","factor":1}`,
  `breaker client-web : {"link":"client-web"}`,
  `connections cache-db : {"link":"cache-db","connections":6}`,
  `connections queue-worker : {"link":"queue-worker","connections":4}`,
  `cut cache-db : {"link":"cache-db","how":"none"}`,
  `cut web-queue : {"link":"web-queue","how":"none"}`,
  `delay web-cache : {"link":"web-cache","extra":{"kind":"constant","meanMs":0,"cv":0},"share":0}`,
  `errors db internal: {"component":"db","ratio":0,"code":"internal"}`,
  `errors db not_found: {"component":"db","ratio":0,"code":"not_found"}`,
  `errors worker : {"component":"worker","ratio":0}`,
  `hedge queue-worker : {"link":"queue-worker","afterMs":0}`,
  `hits flat : {"component":"flat","factor":1}`,
  `keys cache : {"component":"cache"}`,
  `loss cache-db : {"link":"cache-db","ratio":0}`,
  `rate_limit web : {"component":"web","factor":1}`,
  `retries client-web : {"link":"client-web","retries":1,"backoffMs":10,"keepsBudget":true}`,
  `retries queue-worker : {"link":"queue-worker","retries":1,"backoffMs":0,"keepsBudget":true}`,
  `slots web : {"component":"web","slots":8}`,
  `slots worker : {"component":"worker","slots":4}`,
  `workload client-load : {"workload":"client-load","factor":1}`,
];

describe("planFaults", () => {
  test("has a sample of every kind", () => {
    expect(new Set(samples.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
  });

  test.each(samples)("makes $kind changes that a run accepts, and begins and ends them in time", (fault) => {
    const changes = planFault(fault, richSystem);
    expect(changes.length).toBeGreaterThan(0);
    expect(changes.flatMap(({ change }) => checkChange(change, model))).toEqual([]);
    const times = changes.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(times[0]).toBeGreaterThanOrEqual(5000);
    expect(times.at(-1)).toBeLessThanOrEqual(12_000);
  });

  test("sets everything back when all have ended, however they overlap", () => {
    const changes = planFaults(samples, richSystem).changes();
    const workAndDown = /^(work|up) /;
    const rest = left(changes);
    expect(rest.filter((line) => !workAndDown.test(line))).toEqual(normal);
    expect(new Set(rest.filter((line) => /^work /.test(line)).map((line) => line.replace(/^.*"factor":/, "")))).toEqual(
      new Set(["1}"]),
    );
    expect(rest.some((line) => line.endsWith("down"))).toBe(false);
    const simulation = new Simulation(compileModel(richSystem), { seed: 1, durationMs: 14_000, changes });
    simulation.runUntil(14_000);
    expect(simulation.results().changes).toEqual(changes);
  });

  test("sets everything back at any moment at which it is ended", () => {
    const plan = planFaults(samples, richSystem);
    for (const atMs of [5000, 6700, 8999]) {
      const changes = plan.endedAt(atMs);
      expect(changes.at(-1)?.atMs).toBe(atMs);
      for (const line of left(changes).filter((one) => !/^(work|up) /.test(one))) expect(normal).toContain(line);
      expect(left(changes).some((line) => line.endsWith("down"))).toBe(false);
    }
  });

  test("lets a ramp grow in ten steps and end at once", () => {
    const fault: Fault = { kind: "traffic_spike", on: ["client-load"], factor: 3, rampMs: 2000, ...when };
    const steps = planFault(fault, richSystem).map(({ atMs, change }) => [atMs, "factor" in change && change.factor]);
    expect(steps.slice(0, 2)).toEqual([
      [5000, 1.2],
      [5200, 1.4],
    ]);
    expect(steps.slice(-2)).toEqual([
      [6800, 3],
      [9000, 1],
    ]);
    expect(steps).toHaveLength(11);
  });

  test("multiplies factors and joins chances where faults overlap, and keeps what the other still holds", () => {
    const work = (factor: number, startMs: number, durationMs: number): Fault => {
      return { kind: "brown_out", on: ["queue"], factor, errorRatio: 0.5, startMs, durationMs };
    };
    const changes = planFaults([work(2, 1000, 4000), work(3, 3000, 4000)], richSystem).changes();
    const seen = (kind: string) =>
      changes.flatMap(({ atMs, change }) => {
        if (change.kind !== kind) return [];
        return [[atMs, "factor" in change ? change.factor : "ratio" in change ? change.ratio : undefined]];
      });
    expect(seen("work")).toEqual([
      [1000, 2],
      [3000, 6],
      [5000, 3],
      [7000, 1],
    ]);
    expect(seen("errors")).toEqual([
      [1000, 0.5],
      [3000, 0.75],
      [5000, 0.5],
      [7000, 0],
    ]);
  });

  test("keeps an instance down until the last fault that holds it ends", () => {
    const down = (startMs: number): Fault => ({ kind: "crash", on: ["db"], instances: [1], startMs, durationMs: 4000 });
    const changes = planFaults([down(1000), down(3000)], richSystem).changes();
    expect(changes.map(({ atMs, change }) => [atMs, change.kind])).toEqual([
      [1000, "down"],
      [7000, "up"],
    ]);
  });

  test("refuses two delays of one link at one time, and allows one after the other", () => {
    const delay = (name: string, startMs: number): Fault => ({
      name,
      kind: "latency",
      on: ["web-flat"],
      extra: constant,
      startMs,
      durationMs: 2000,
    });
    expect(() => planFaults([delay("slow", 1000), delay("slower", 2500)], richSystem)).toThrow(
      `"slow" and "slower" both set the delay of link "web-flat" at 2.5 s; only one of them can at a time`,
    );
    expect(planFaults([delay("slow", 1000), delay("slower", 3000)], richSystem).changes()).toHaveLength(2);
  });

  test("draws instances from the seed, each equally likely", () => {
    const drawn = (seed: number) => {
      const [first] = planFault({ kind: "crash", on: ["web"], instances: { random: 2 }, seed, ...when }, richSystem);
      return first?.change.kind === "down" ? first.change.instances : [];
    };
    expect(drawn(7)).toEqual(drawn(7));
    const counts = [0, 0, 0, 0];
    for (let seed = 0; seed < 2000; seed++)
      for (const instance of drawn(seed)) counts[instance] = (counts[instance] ?? 0) + 1;
    // Binomial, 2000 draws at 1/2: 4 standard errors are 90.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(90);
  });

  test("gives errors the code that fits when only one of code and retryable is said", () => {
    const first = (given: Partial<Fault>) => {
      return planFault({ kind: "error", on: ["web"], ratio: 1, ...when, ...given } as Fault, richSystem)[0]?.change;
    };
    const plain = { kind: "errors", component: "web", ratio: 1 };
    expect(first({})).toEqual(plain);
    expect(first({ isRetryable: true })).toEqual(plain);
    expect(first({ isRetryable: false })).toEqual({ ...plain, code: "internal" });
    expect(first({ code: "not_found" })).toEqual({ ...plain, code: "not_found" });
    expect(first({ code: "internal", isRetryable: true })).toEqual({ ...plain, code: "internal", isRetryable: true });
    expect(first({ code: "unavailable", isRetryable: false })).toEqual({ ...plain, isRetryable: false });
  });

  test("joins errors of one code, and refuses to say of them both that they can be tried again and that they cannot", () => {
    const failing = (name: string, isRetryable?: boolean): Fault => {
      const said = isRetryable === undefined ? {} : { isRetryable };
      return { name, kind: "error", on: ["web"], ratio: 0.5, code: "internal", ...said, ...when };
    };
    const [both] = planFaults([failing("one"), failing("other")], richSystem).changes();
    expect(both?.change).toEqual({ kind: "errors", component: "web", ratio: 0.75, code: "internal" });
    expect(() => planFaults([failing("one"), failing("other", true)], richSystem)).toThrow(
      `"one" and "other" both set the errors "internal" of "web" at 5 s`,
    );
  });

  test("joins the shares of a hot key, and refuses two skews at one time", () => {
    const shifted = (given: { skew?: number; hotShare?: number }): Fault => {
      return { kind: "traffic_spike", on: ["cache"], ...given, ...when };
    };
    const plan = (...faults: Fault[]) => planFaults(faults, richSystem).changes()[0]?.change;
    const keys = { kind: "keys", component: "cache" };
    expect(plan(shifted({ hotShare: 0.5 }), shifted({ skew: 2, hotShare: 0.5 }))).toEqual({
      ...keys,
      skew: 2,
      hotShare: 0.75,
    });
    expect(() => plan(shifted({ skew: 1 }), shifted({ skew: 2 }))).toThrow(`both set the skew of the keys of "cache"`);
  });

  test("lets a skew grow from the architecture's own, and sessions shift where something hashes them", () => {
    const [workload] = richSystem.workloads;
    const hashing = {
      ...richSystem,
      components: richSystem.components.map((one) =>
        one.id === "web" ? { ...one, balancing: "consistent_hash" as const } : one,
      ),
      workloads: workload === undefined ? [] : [{ ...workload, sessionSkew: 0.5 }],
    };
    const fault: Fault = { kind: "traffic_spike", on: ["client-load"], skew: 1.5, rampMs: 2000, ...when };
    const changes = planFault(fault, hashing).map(({ change }) => change);
    expect(changes.at(0)).toEqual({ kind: "sessions", workload: "client-load", skew: 0.6 });
    expect(changes.at(9)).toEqual({ kind: "sessions", workload: "client-load", skew: 1.5 });
    expect(changes.at(10)).toEqual({ kind: "sessions", workload: "client-load" });
    expect(changes).toHaveLength(11);
  });

  test("takes the same zone of every component", () => {
    const changes = planFault(
      { kind: "capacity_loss", on: ["web", "db"], instances: { zone: 1, of: 2 }, ...when },
      richSystem,
    );
    const gone = changes.flatMap(({ change }) =>
      change.kind === "down" ? [[change.component, change.instances]] : [],
    );
    expect(gone).toEqual([
      ["web", [1, 3]],
      ["db", [1]],
    ]);
  });

  test("lets a component stand for the links into it", () => {
    const changes = planFault({ kind: "latency", on: ["component:db"], extra: constant, ...when }, richSystem);
    expect(new Set(changes.map(({ change }) => ("link" in change ? change.link : "")))).toEqual(
      new Set(["cache-db", "flat-db"]),
    );
  });
});
