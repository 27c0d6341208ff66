import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ArchitectureSchema } from "@weft/proto/weft/project/v1/architecture_pb.ts";
import { expect, test } from "vitest";
import { architectureFrom, architectureMessage } from "./architecture-message.ts";
import { WORKLOAD_KINDS } from "./domain/architecture/architecture.ts";
import { completeArchitecture } from "./domain/architecture/complete-architecture.ts";

test("distributions of every kind are the same behind the wire", () => {
  const points = [
    { upToMs: 10, weight: 30 },
    { upToMs: 30, weight: 10 },
  ];
  const distributions = [
    { kind: "erlang", meanMs: 5 },
    { kind: "hyperexponential", meanMs: 5, cv: 3 },
    { kind: "pareto", meanMs: 5, tailIndex: 1.2, maxMs: 900 },
    { kind: "empirical", points },
    { kind: "gamma", meanMs: 5, cv: 2 },
  ];
  const { architecture, problems } = completeArchitecture({
    components: distributions.map((serviceTime, index) => ({ id: `c${index}`, kind: "service", serviceTime })),
    links: distributions.slice(1).map((latency, index) => ({ from: "c0", to: `c${index + 1}`, latency })),
  });
  expect(problems).toEqual([]);
  const bytes = toBinary(ArchitectureSchema, create(ArchitectureSchema, architectureMessage(architecture)));
  const received = completeArchitecture(architectureFrom(fromBinary(ArchitectureSchema, bytes)));
  expect(received).toEqual({ architecture, problems: [] });
  // Message types and empty lists must not get into what is stored.
  expect(JSON.stringify(received.architecture)).toBe(JSON.stringify(architecture));
});

test("workloads of every kind are the same behind the wire, and need no more than they have", () => {
  const { architecture, problems } = completeArchitecture({
    components: [{ id: "people", kind: "client" }],
    workloads: [
      ...WORKLOAD_KINDS.filter((kind) => kind !== "replay").map((kind) => ({ component: "people", kind })),
      { component: "people", kind: "replay", arrivalsMs: [0, 0, 12.5] },
    ],
  });
  expect(problems).toEqual([]);
  const bytes = toBinary(ArchitectureSchema, create(ArchitectureSchema, architectureMessage(architecture)));
  const received = completeArchitecture(architectureFrom(fromBinary(ArchitectureSchema, bytes)));
  expect(received).toEqual({ architecture, problems: [] });
  expect(JSON.stringify(received.architecture)).toBe(JSON.stringify(architecture));
});
