import { describe, expect, test } from "vitest";
import type { Balancing, Component } from "./architecture.ts";
import { expectMean, replicate } from "./replications.ts";
import type { Results } from "./results.ts";
import { exponential, resultsOfComponent, simulate, singleStation } from "./scenario.ts";

/** Instances that each serve one request per 10 ms, together loaded to 0.9. */
function balanced(balancing: Balancing, instances: number) {
  return singleStation(90 * instances, { balancing, instances, serviceTime: exponential(10) });
}

describe("which instance gets a request", () => {
  // In units of the service time; research on which policy costs what, exact but for two choices (mean field).
  test.each<[Balancing, number, number, number]>([
    ["random", 4, 10, 0.04],
    ["round_robin", 4, 6.383, 0.03],
  ])("%s among %i: the mean stay is %f service times", (balancing, instances, stay, precision) => {
    const length = { requests: 12_000 * instances, ratePerSecond: 90 * instances, warmupSeconds: 20 };
    const runs = replicate(balanced(balancing, instances), length);
    expectMean(runs, (run) => resultsOfComponent(run, "station").latency.meanMs / 10, stay, { precision });
  });

  test("the more a policy sees, the shorter the stay", () => {
    const stays = (["random", "round_robin", "power_of_two", "least_connections"] as const).map((balancing) => {
      const run = simulate(balanced(balancing, 10), { durationMs: 120_000, warmupMs: 20_000 }).results();
      return resultsOfComponent(run, "station").latency.meanMs;
    });
    expect(stays).toEqual(stays.toSorted((a, b) => b - a));
  });
});

describe("who waits, and who has to go", () => {
  const station = (given: Partial<Component>) => singleStation(80, { serviceTime: exponential(10), ...given });
  const overloaded = (given: Partial<Component>) =>
    singleStation(120, { serviceTime: exponential(10), queueCapacity: 19, ...given });

  test("last in, first out: the mean stay is as in order of arrival, and far less even", () => {
    const length = { requests: 20_000, ratePerSecond: 80, warmupSeconds: 10 };
    const runs = replicate(station({ discipline: "lifo" }), length);
    expectMean(runs, (run) => resultsOfComponent(run, "station").latency.meanMs, 50, { precision: 0.03 });
    const [inTurn, newestFirst] = [station({}), station({ discipline: "lifo" })].map(
      (given) => simulate(given, { durationMs: 300_000 }).results().latency,
    );
    expect(newestFirst?.p999Ms).toBeGreaterThan(1.5 * (inTurn?.p999Ms ?? 0));
  });

  test.each(["newest", "oldest"] as const)(
    "with the %s shed, as many are lost as theory says, and all are counted",
    (shed) => {
      const simulation = simulate(overloaded({ shed }), { durationMs: 60_000 });
      for (const {
        arrivals,
        completed,
        failed,
        inFlight,
        presentAreaNs,
        residenceNs,
        ...audit
      } of simulation.audit()) {
        expect(arrivals).toBe(completed + failed + audit.shed + inFlight);
        expect(presentAreaNs).toBe(residenceNs);
      }
      // M/M/1/20 at 1.2: 0.1704 are lost.
      const runs = replicate(overloaded({ shed }), { requests: 20_000, ratePerSecond: 120, warmupSeconds: 5 });
      expectMean(runs, lostShare, 0.1704, { precision: 0.02 });
    },
  );

  test("shedding the oldest under last in, first out serves whoever is served soon", () => {
    const [inTurn, adaptive] = [overloaded({}), overloaded({ shed: "oldest", discipline: "lifo" })].map(
      (given) => simulate(given, { durationMs: 300_000 }).results().latency,
    );
    expect(adaptive?.p50Ms).toBeLessThan((inTurn?.p50Ms ?? 0) / 4);
  });

  test("a queue without places sheds the newcomer even where the oldest would go", () => {
    const given = overloaded({ shed: "oldest", queueCapacity: 0 });
    const runs = replicate(given, { requests: 10_000, ratePerSecond: 120, warmupSeconds: 5 });
    // Erlang B with one server at 1.2.
    expectMean(runs, lostShare, 1.2 / 2.2, { precision: 0.01 });
  });
});

function lostShare(run: Results): number {
  const { shed, arrivals } = resultsOfComponent(run, "station");
  return shed / arrivals;
}
