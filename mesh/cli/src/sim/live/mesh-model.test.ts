import { runReplication } from "@weft/simulator";
import { describe, expect, test } from "vitest";
import { parseMetrics } from "../../top/parse-metrics.ts";
import { modelOfMesh } from "./mesh-model.ts";
import { observeMesh } from "./observe-mesh.ts";

/** A service's metrics after so many calls, each of which computes for 2 ms. */
function metrics(calls: number, meanMs: number, peers: readonly { peer: string; calls: number; meanMs: number }[]) {
  const half = (meanMs / 1000) * 2;
  const lines = [
    `weft_server_calls_total{method="S/M",code="ok"} ${calls}`,
    `weft_server_call_duration_seconds_sum{method="S/M"} ${(calls * meanMs) / 1000}`,
    `weft_server_call_duration_seconds_count{method="S/M"} ${calls}`,
    `weft_server_call_duration_seconds_bucket{method="S/M",le="${half}"} ${calls}`,
    `weft_server_call_duration_seconds_bucket{method="S/M",le="+Inf"} ${calls}`,
    `process_cpu_seconds_total ${calls * 0.002}`,
  ];
  for (const { peer, calls: made, meanMs: took } of peers) {
    lines.push(
      `weft_client_calls_total{peer="${peer}",method="S/M",code="ok"} ${made}`,
      `weft_client_call_duration_seconds_sum{peer="${peer}",method="S/M"} ${(made * took) / 1000}`,
      `weft_client_call_duration_seconds_count{peer="${peer}",method="S/M"} ${made}`,
    );
  }
  return parseMetrics(lines.join("\n"));
}

const nothing = parseMetrics("");

/** For 10 s: 1000 calls to the shop, half of which ask the store, which others ask as well. */
const observed = observeMesh(
  [
    { service: "shop", before: nothing, after: metrics(600, 20, [{ peer: "store", calls: 300, meanMs: 12 }]) },
    { service: "shop", before: nothing, after: metrics(400, 20, [{ peer: "store", calls: 200, meanMs: 12 }]) },
    { service: "store", before: metrics(50, 10, []), after: metrics(750, 10, []) },
    { service: "idle", before: nothing, after: nothing },
  ],
  10,
);

describe("observeMesh", () => {
  test("adds up the instances of a service, and who calls whom", () => {
    expect(observed.map(({ name, instances, callsPerSecond }) => [name, instances, callsPerSecond])).toEqual([
      ["idle", 1, 0],
      ["shop", 2, 100],
      ["store", 1, 70],
    ]);
    const shop = observed.find(({ name }) => name === "shop");
    expect(shop?.meanMs).toBeCloseTo(20, 9);
    expect(shop?.cpuMsPerCall).toBeCloseTo(2, 9);
    expect(shop?.peers).toEqual([{ name: "store", callsPerSecond: 50, meanMs: expect.closeTo(12, 9) }]);
  });
});

describe("modelOfMesh", () => {
  const { architecture, assumptions } = modelOfMesh(observed, observed);
  const component = (id: string) => architecture.components.find((one) => one.id === id);
  const link = (id: string) => architecture.links.find((one) => one.id === id);

  test("gives each service its own time, computing and waiting, and the network what is left between two clocks", () => {
    expect(component("shop")).toMatchObject({ instances: 2, cpus: 1, holdsSlot: false });
    expect(component("shop")?.serviceTime.meanMs).toBeCloseTo(2, 9);
    // 20 ms, less half a call of 12 ms and 2 ms of computing.
    expect(component("shop.waits")?.serviceTime.meanMs).toBeCloseTo(12, 9);
    expect(component("store.waits")?.serviceTime).toMatchObject({ kind: "empirical" });
    expect(link("shop-store")).toMatchObject({ callsPerRequest: 0.5 });
    expect(link("shop-store")?.latency.meanMs).toBeCloseTo(2, 9);
    expect(component("idle")).toBeUndefined();
  });

  test("lets come from outside what no member of the mesh sent", () => {
    const rates = Object.fromEntries(architecture.workloads.map(({ id, ratePerSecond }) => [id, ratePerSecond]));
    expect(rates).toEqual({ "outside.shop": 100, "outside.store": expect.closeTo(20, 9) });
  });

  test("is as fast as what was observed, when nothing has to queue", () => {
    const run = runReplication(architecture, { seed: 1, durationMs: 400_000, warmupMs: 0, load: 0.1, slices: 1 });
    const meanMs = (id: string) => run.results.components.find((one) => one.id === id)?.latency.meanMs ?? 0;
    // Over 4000 and 2800 calls, of which the longest part is an exponential: four standard errors are 6 %.
    expect(meanMs("shop") / 20).toBeCloseTo(1, 1);
    expect(meanMs("store") / 10).toBeCloseTo(1, 1);
    expect(assumptions).toContainEqual(expect.stringContaining("Poisson"));
    expect(assumptions).toContainEqual(expect.stringContaining("shop waits 12 ms"));
  });

  test("says it when a service's calls take longer than the service itself", () => {
    const parallel = observeMesh(
      [
        { service: "a", before: nothing, after: metrics(100, 10, [{ peer: "b", calls: 200, meanMs: 9 }]) },
        { service: "b", before: nothing, after: metrics(200, 9, []) },
      ],
      10,
    );
    const model = modelOfMesh(parallel, parallel);
    expect(model.assumptions).toContainEqual(expect.stringContaining("a makes calls at the same time"));
    expect(model.architecture.components.find(({ id }) => id === "a")?.serviceTime.meanMs).toBe(0);
  });
});
