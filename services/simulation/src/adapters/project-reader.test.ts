import { createClient, createRouterTransport } from "@connectrpc/connect";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import { describe, expect, test } from "vitest";
import { projectReader } from "./project-reader.ts";

/** What the reader makes of a workload that the project service answers with. */
async function readWorkload(workload: object) {
  const transport = createRouterTransport(({ service }) =>
    service(ProjectService, { getProject: () => ({ project: { architecture: { workloads: [workload] } } }) }),
  );
  const read = await projectReader(createClient(ProjectService, transport)).read("p1");
  return read?.architecture.workloads[0];
}

/** What the reader makes of a component whose service time the project service answers with. */
async function readServiceTime(serviceTime: object) {
  const transport = createRouterTransport(({ service }) =>
    service(ProjectService, {
      getProject: () => ({ project: { architecture: { components: [{ id: "a", kind: "service", serviceTime }] } } }),
    }),
  );
  const read = await projectReader(createClient(ProjectService, transport)).read("p1");
  return read?.architecture.components[0]?.serviceTime;
}

describe("projectReader", () => {
  test.each([
    { kind: "hyperexponential", meanMs: 5, cv: 3 },
    { kind: "pareto", meanMs: 5, cv: 1, tailIndex: 1.2, maxMs: 700 },
    {
      kind: "empirical",
      meanMs: 8.75,
      cv: 1,
      points: [
        { upToMs: 10, weight: 30 },
        { upToMs: 30, weight: 10 },
      ],
    },
  ])("hands a distribution of kind $kind to the simulator as it is stored", async (serviceTime) => {
    expect(await readServiceTime(serviceTime)).toEqual(serviceTime);
  });

  test.each([
    { kind: "poisson" },
    { kind: "bursty", burstFactor: 4, burstMs: 20, burstShare: 0.2 },
    { kind: "diurnal", amplitude: 0, periodMs: 5000 },
    { kind: "ramp", toRatePerSecond: 0, startMs: 0, lengthMs: 7 },
    { kind: "spike", startMs: 3, lengthMs: 7, spikeFactor: 0 },
    { kind: "batch", batchSize: 3 },
    { kind: "replay", arrivalsMs: [0, 0, 2.5] },
  ])("hands a workload to the simulator as it is stored, and no field more: %j", async (shape) => {
    const workload = { id: "w", component: "people", ratePerSecond: 9, users: 2, thinkTimeMs: 3, ...shape };
    const read = await readWorkload(workload);
    expect(read).toEqual(workload);
    expect(Object.keys(read ?? {}).sort()).toEqual(Object.keys(workload).sort());
  });

  test("leaves absent what a project stored without it lacks", async () => {
    const read = await readServiceTime({ kind: "gamma", meanMs: 5, cv: 2 });
    expect(Object.keys(read ?? {})).toEqual(["kind", "meanMs", "cv"]);
  });
});
