import { create, type DescMessage, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  ArchitectureSchema,
  ComponentSchema,
  LinkSchema,
  WorkloadSchema,
} from "@weft/proto/weft/project/v1/architecture_pb.ts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { anyArchitecture, everyOption } from "../tests/any-architecture.ts";
import { architectureFrom, architectureMessage } from "./architecture-message.ts";
import { WORKLOAD_KINDS } from "./domain/architecture/architecture.ts";
import { completeArchitecture } from "./domain/architecture/complete-architecture.ts";
import { optionPaths } from "./domain/architecture/option-rules.ts";

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

test("every architecture is the same behind the wire", () => {
  fc.assert(
    fc.property(anyArchitecture, (architecture) => {
      const bytes = toBinary(ArchitectureSchema, create(ArchitectureSchema, architectureMessage(architecture)));
      const received = completeArchitecture(architectureFrom(fromBinary(ArchitectureSchema, bytes)));
      expect(received).toEqual({ architecture, problems: [] });
      expect(JSON.stringify(received.architecture)).toBe(JSON.stringify(architecture));
    }),
    { numRuns: 60 },
  );
});

test("every option is the same behind the wire", () => {
  const message = create(ArchitectureSchema, architectureMessage(everyOption));
  const received = architectureFrom(fromBinary(ArchitectureSchema, toBinary(ArchitectureSchema, message)));
  expect(completeArchitecture(received)).toEqual({ architecture: everyOption, problems: [] });
});

test.each([
  ["component", ComponentSchema, ["serviceTime"]],
  ["link", LinkSchema, ["latency"]],
  ["workload", WorkloadSchema, []],
] as const)(
  "the options of a %s are fields of its message, and its groups have no others",
  (owner, schema, durations) => {
    const fields = fieldPaths(schema, durations);
    expect(fields).toEqual(expect.arrayContaining(optionPaths(owner)));
    const inGroups = (path: string) => path.includes(".");
    expect(fields.filter(inGroups).sort()).toEqual(optionPaths(owner).filter(inGroups).sort());
  },
);

/** The fields of a message, and those of messages in it after their field ("breaker.openMs"). */
function fieldPaths(schema: DescMessage, without: readonly string[]): string[] {
  return schema.fields
    .filter(({ localName }) => !without.includes(localName))
    .flatMap(({ localName, message }) =>
      message === undefined
        ? [localName]
        : [localName, ...fieldPaths(message, []).map((inner) => `${localName}.${inner}`)],
    );
}
