import type { Change, PlannedChange } from "@weft/simulator";
import { component, link, poisson, singleStation } from "@weft/simulator/testing";
import { describe, expect, it } from "vitest";
import { SimulationError } from "../domain/lifecycle/errors.ts";
import { workerEngine } from "./worker-engine.ts";

const engine = workerEngine();
const architecture = {
  ...singleStation(100, { instances: 2 }),
  components: [component("client", "client"), component("station", "service", { instances: 2 })],
  links: [link("client", "station")],
  workloads: [poisson("client", 100), { ...poisson("client", 50), id: "batch" }],
};
const broken = { kind: "errors", component: "station", ratio: 1 } as const;
const limits = { load: 1, durationSeconds: 100 };

const refusalOf = (check: () => void) => {
  try {
    check();
  } catch (error) {
    if (error instanceof SimulationError) return { kind: error.kind, fields: error.fields.map(({ field }) => field) };
    throw error;
  }
  return "accepted";
};
const planned = (...changes: readonly [atMs: number, change: Change][]) =>
  refusalOf(() =>
    engine.check(architecture, {
      ...limits,
      changes: changes.map(([atMs, change]): PlannedChange => ({ atMs, change })),
    }),
  );
const live = (change: Change, load = 1) =>
  refusalOf(() => engine.checkChange(architecture, change, { ...limits, load }));
const invalid = (...fields: string[]) => ({ kind: "invalid", fields });

describe("the worker engine", () => {
  it("accepts changes that are possible", () => {
    expect(planned([0, broken], [100_000, { ...broken, ratio: 0 }])).toBe("accepted");
    expect(live(broken)).toBe("accepted");
  });

  it("names every field of a planned change that is impossible", () => {
    expect(
      planned(
        [100_001, broken],
        [0, { ...broken, component: "nothing" }],
        [5, { kind: "up", component: "station", instances: [1, 2] }],
        [6, { kind: "rate_limit", component: "station", factor: 1 }],
        [7, { kind: "loss", link: "nothing", ratio: 1 }],
      ),
    ).toEqual(
      invalid(
        "changes[1].change.errors.component",
        "changes[2].change.up.instance",
        "changes[3].change.rateLimit.component",
        "changes[4].change.loss.link",
        "changes[0].atSeconds",
      ),
    );
  });

  it("names the field of a live change", () => {
    expect(live({ kind: "burst", workload: "nothing", requests: 1 })).toEqual(invalid("change.burst.workload"));
    expect(() => engine.checkChange(architecture, { ...broken, component: "gone" }, limits)).toThrow(
      'change.errors.component: change "errors": the model has no component "gone"',
    );
  });

  it("follows loads and factors through time, in whatever order they are given", () => {
    const double = (factor: number) => ({ kind: "workload", workload: "batch", factor }) as const;
    // 50 a second times 10 000 times 3 is more than a workload may be; one after the other is not.
    expect(planned([90_000, { kind: "load", load: 10_000 }], [95_000, double(3)])).toMatchObject({ kind: "invalid" });
    expect(planned([95_000, double(3)], [94_000, { kind: "load", load: 10_000 }])).toMatchObject({
      fields: ["changes[0].change.workload.factor"],
    });
    expect(live(double(3), 10_000)).toMatchObject({ fields: expect.arrayContaining(["change.workload.factor"]) });
    expect(live(double(3), 10)).toBe("accepted");
  });

  it("refuses a load that makes the rest of the run last longer than anybody waits", () => {
    const much = { kind: "load", load: 9000 } as const;
    const durationSeconds = 86_400;
    expect(refusalOf(() => engine.checkChange(architecture, much, { load: 1, durationSeconds }))).toEqual(
      invalid("change.load.load"),
    );
    const late = { load: 1, durationSeconds, changes: [{ atMs: 86_390_000, change: much }] };
    expect(refusalOf(() => engine.check(architecture, late))).toBe("accepted");
  });
});
