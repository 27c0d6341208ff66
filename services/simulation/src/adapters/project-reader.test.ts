import { type DescField, type DescMessage, ScalarType } from "@bufbuild/protobuf";
import { createClient, createRouterTransport } from "@connectrpc/connect";
import {
  type Component as ComponentMessage,
  ComponentSchema,
  type Link as LinkMessage,
  LinkSchema,
  type Workload as WorkloadMessage,
  WorkloadSchema,
} from "@weft/proto/weft/project/v1/architecture_pb.ts";
import { ProjectService } from "@weft/proto/weft/project/v1/project_service_pb.ts";
import type { Component, Link, Workload } from "@weft/simulator";
import { describe, expect, expectTypeOf, test } from "vitest";
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

/** A message with a value in every field, however deep. */
function filled(schema: DescMessage): { [field: string]: unknown } {
  return Object.fromEntries(schema.fields.map((field) => [field.localName, valueFor(field)]));
}

function valueFor({ fieldKind, scalar, message }: DescField): unknown {
  if (message !== undefined) return fieldKind === "list" ? [filled(message)] : filled(message);
  const value = scalar === ScalarType.STRING ? "text" : scalar === ScalarType.BOOL ? true : 7;
  return fieldKind === "list" ? [value, value] : value;
}

describe("projectReader", () => {
  test("hands every field of a project to the simulator as it is stored", async () => {
    const architecture = {
      components: [{ ...filled(ComponentSchema), fanOut: "parallel" }],
      links: [filled(LinkSchema)],
      workloads: [filled(WorkloadSchema)],
    };
    const transport = createRouterTransport(({ service }) =>
      service(ProjectService, { getProject: () => ({ project: { architecture } }) }),
    );
    const read = await projectReader(createClient(ProjectService, transport)).read("p1");
    expect(JSON.parse(JSON.stringify(read?.architecture))).toEqual(architecture);
    // What the simulator has and a project cannot say.
    expectTypeOf<Exclude<keyof Component, keyof ComponentMessage>>().toBeNever();
    expectTypeOf<Exclude<keyof Link, keyof LinkMessage>>().toBeNever();
    expectTypeOf<Exclude<keyof Workload, keyof WorkloadMessage>>().toBeNever();
  });

  test("leaves what a component and a link do not say to the simulator's defaults", async () => {
    const transport = createRouterTransport(({ service }) =>
      service(ProjectService, {
        getProject: () => ({
          project: { architecture: { components: [{ id: "a", kind: "service" }], links: [{ id: "l" }] } },
        }),
      }),
    );
    const read = await projectReader(createClient(ProjectService, transport)).read("p1");
    const common = "concurrency errorRatio fanOut hitRatio id image instances kind name queueCapacity serviceTime";
    expect(
      Object.keys(read?.architecture.components[0] ?? {})
        .sort()
        .join(" "),
    ).toBe(common);
    expect(
      Object.keys(read?.architecture.links[0] ?? {})
        .sort()
        .join(" "),
    ).toBe("asynchronous callsPerRequest from id latency retries retryBackoffMs timeoutMs to weight");
  });

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
