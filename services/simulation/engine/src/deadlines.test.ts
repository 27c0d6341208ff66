import { describe, expect, test } from "vitest";
import type { Architecture, Component, Workload } from "./architecture.ts";
import {
  component,
  constant,
  exponential,
  link,
  poisson,
  resultsOfComponent,
  simulate,
  singleStation,
} from "./scenario.ts";

function at(arrivalsMs: readonly number[], station: Partial<Component>, workload: Partial<Workload>): Architecture {
  return {
    ...singleStation(0, { serviceTime: constant(100), ...station }),
    workloads: [{ ...poisson("client", 0), kind: "replay", arrivalsMs, ...workload }],
  };
}

const run = (model: Architecture, durationMs = 10_000) => simulate(model, { durationMs }).results();

describe("goodput", () => {
  test("counts answers within the deadline, the last moment included", () => {
    // Answered after 100, 200, 300 and 400 ms.
    const results = run(at([0, 0, 0, 0], {}, { deadlineMs: 200 }));
    expect(results).toMatchObject({ completed: 4, failed: 0, goodputRatio: 0.5, goodputPerSecond: 0.2 });
  });

  test("is in the frames, since the one before", () => {
    const simulation = simulate(at([0, 0, 0, 0, 11_000], {}, { deadlineMs: 200 }), { durationMs: 20_000 });
    expect(simulation.frame().total).toMatchObject({ completed: 5, goodputRatio: 0.6, goodputPerSecond: 0.15 });
    expect(simulation.frame().total).toMatchObject({ completed: 5, goodputRatio: 0, goodputPerSecond: 0 });
  });

  test("is what is answered well where nobody has a deadline", () => {
    const { goodputRatio, throughputPerSecond, goodputPerSecond } = run(at([0, 0, 0], { errorRatio: 0 }, {}));
    expect({ goodputRatio, same: goodputPerSecond === throughputPerSecond }).toEqual({ goodputRatio: 1, same: true });
    expect(run(at([0, 0, 0], { errorRatio: 1 }, { deadlineMs: 1000 })).goodputRatio).toBe(0);
  });

  test("has for each workload its own deadline", () => {
    const model = at([0, 0], {}, {});
    const [one] = model.workloads as [Workload];
    const results = run({
      ...model,
      workloads: [
        { ...one, deadlineMs: 150 },
        { ...one, id: "other", deadlineMs: 5000 },
      ],
    });
    expect(results).toMatchObject({ completed: 4, goodputRatio: 0.75 });
  });
});

describe("a component that drops what has expired", () => {
  test("refuses it when its turn comes, and works on nothing for it", () => {
    const results = run(at([0, 0, 0, 0], { dropsExpired: true }, { deadlineMs: 250 }));
    // The third has its turn at 200 and is late at 300; the fourth would have had it at 300.
    expect(results).toMatchObject({ completed: 3, failed: 1, goodputRatio: 0.5 });
    const station = resultsOfComponent(results, "station");
    expect(station).toMatchObject({ expired: 1, failed: 1, inFlight: 0 });
    expect(station.utilization).toBeCloseTo(0.03, 9);
  });

  test("finds the one behind it that has not, in the same moment", () => {
    const model = at([0], { dropsExpired: true, concurrency: 1 }, { deadlineMs: 5000 });
    const [one] = model.workloads as [Workload];
    const hasty = { ...one, id: "hasty", arrivalsMs: [10, 20, 30], deadlineMs: 50 };
    const patient = { ...one, id: "patient", arrivalsMs: [40], deadlineMs: 5000 };
    const results = run({ ...model, workloads: [one, hasty, patient] });
    expect(results).toMatchObject({ completed: 2, failed: 3, latency: { maxMs: 160 } });
    expect(resultsOfComponent(results, "station")).toMatchObject({ expired: 3 });
  });

  test("looks at what arrives late from others as well", () => {
    const model: Architecture = {
      ...at([0], {}, { deadlineMs: 50 }),
      components: [
        component("client", "client"),
        component("front", "service", { serviceTime: constant(60) }),
        component("station", "service", { dropsExpired: true, serviceTime: constant(60) }),
      ],
      links: [link("client", "front"), link("front", "station")],
    };
    const results = run(model);
    expect(resultsOfComponent(results, "station")).toMatchObject({ arrivals: 1, expired: 1 });
    expect(results).toMatchObject({ failed: 1 });
  });

  test("keeps an overloaded station useful, which otherwise serves nobody in time", () => {
    const overloaded = (dropsExpired: boolean) => ({
      ...singleStation(150, { serviceTime: exponential(10), dropsExpired }),
      workloads: [{ ...poisson("client", 150), deadlineMs: 200 }],
    });
    const [without, dropping] = [false, true].map((drops) =>
      simulate(overloaded(drops), { durationMs: 60_000, warmupMs: 10_000 }).results(),
    );
    expect(without?.goodputPerSecond).toBe(0);
    // Nearly 100/s are served, of which those are in time that need no longer than what is left of their 200 ms.
    expect(dropping?.goodputPerSecond).toBeGreaterThan(40);
    expect(dropping?.goodputPerSecond).toBeLessThan(100);
  });
});
