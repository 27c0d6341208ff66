import { describe, expect, test } from "vitest";
import type { Architecture } from "../architecture.ts";
import { compileModel } from "../model.ts";
import { component, constant, constantRate, exponential, link, poisson, simulate, singleStation } from "../scenario.ts";
import { judgeSaturation, sampleQueues } from "./saturation.ts";

const seeds = [1, 2, 3];

function judge(architecture: Architecture, durationMs = 31_000, warmupMs = 1000) {
  const runs = [simulate(architecture, { durationMs, warmupMs }).results()];
  const queues = seeds.map((seed) => sampleQueues(architecture, { seed, durationMs, warmupMs, load: 1 }));
  return judgeSaturation(compileModel(architecture), runs, queues);
}

describe("judgeSaturation", () => {
  test("tells a queue that grows from one that is only busy", () => {
    const growing = judge(singleStation(110, { serviceTime: exponential(10) }));
    expect(growing.saturated).toEqual(["station"]);
    expect(growing.components[0]?.message).toMatch(
      /^station is saturated: its slot \d+\.\d % held, its queue grows to [12]\.\d* times its mean/,
    );
    const busy = judge(singleStation(85, { serviceTime: exponential(10) }));
    expect(busy.saturated).toEqual([]);
    expect(busy.components[0]).toMatchObject({ state: "busy" });
  });

  test("does not take a slot that is held 95 % of the time in even steps for saturated", () => {
    const clock = { ...singleStation(0, { serviceTime: constant(10) }), workloads: [constantRate("client", 95)] };
    expect(judge(clock).components[0]).toMatchObject({ state: "busy", utilization: expect.closeTo(0.95, 2) });
  });

  test("calls what sheds saturated though its queue cannot grow", () => {
    const { components } = judge(singleStation(150, { serviceTime: exponential(10), queueCapacity: 5 }));
    expect(components[0]).toMatchObject({ state: "saturated", growth: { verdict: "steady" } });
    expect(components[0]?.message).toMatch(/3\d\.\d % of its arrivals shed/);
  });

  test("names the callee before the callers that are full because of it", () => {
    const { saturated } = judge({
      components: [
        component("client", "client"),
        component("api", "service", { concurrency: 10, serviceTime: exponential(1) }),
        component("db", "database", { serviceTime: exponential(10) }),
        component("idle", "service", { concurrency: 10, serviceTime: exponential(1) }),
      ],
      links: [link("client", "api"), link("api", "db"), link("api", "idle")],
      workloads: [poisson("client", 130)],
    });
    expect(saturated).toEqual(["db", "api"]);
  });

  test("refuses to judge without runs, or with samples of different number", () => {
    const architecture = singleStation(10, {});
    const model = compileModel(architecture);
    const run = simulate(architecture, { durationMs: 1000 }).results();
    const options = { seed: 1, durationMs: 1000, warmupMs: 0, load: 1 };
    const queues = sampleQueues(architecture, options);
    expect(() => judgeSaturation(model, [], [queues])).toThrow("runs: none given");
    expect(() => judgeSaturation(model, [run], [])).toThrow("queues: none given");
    const fewer = sampleQueues(architecture, { ...options, samples: 7 });
    expect(() => judgeSaturation(model, [run], [queues, fewer])).toThrow(
      'component "station": 7 samples given; must be 200',
    );
  });
});

describe("judgeSaturation of shared cores", () => {
  test("calls cores that always work saturated, while requests pile up in free slots", () => {
    const { components } = judge(
      singleStation(230, { concurrency: 5000, cpus: 2, serviceTime: exponential(10) }),
      11_000,
    );
    expect(components[0]).toMatchObject({ state: "saturated" });
    expect(components[0]?.message).toMatch(/^station is saturated: its 2 cores (99\.\d|100\.0) % busy/);
  });
});
