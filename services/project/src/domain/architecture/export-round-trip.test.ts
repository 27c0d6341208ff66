// biome-ignore-all lint/suspicious/noTemplateCurlyInString: compose variables stand in plain strings here
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Architecture,
  COMPONENT_KINDS,
  DISTRIBUTION_KINDS,
  FAN_OUTS,
  type PartialArchitecture,
  WORKLOAD_KINDS,
} from "./architecture.ts";
import { completeArchitecture } from "./complete-architecture.ts";
import { exportCompose } from "./export-compose.ts";
import { exportKubernetes } from "./export-kubernetes.ts";
import { exportWeft } from "./export-weft.ts";
import { importCompose } from "./import-compose.ts";
import { importKubernetes } from "./import-kubernetes.ts";
import { importWeft } from "./import-weft.ts";
import { systemTemplates } from "./templates/index.ts";

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true }).map((value) => value + 0);
const points = fc
  .uniqueArray(number(0, 60_000), { minLength: 1, maxLength: 5 })
  .chain((ends) =>
    fc
      .array(number(0, 1e12), { minLength: ends.length, maxLength: ends.length })
      .map((weights) =>
        [...ends].sort((a, b) => a - b).map((upToMs, i) => ({ upToMs, weight: (weights[i] ?? 0) + 1e-9 })),
      ),
  );
/** Of every kind, with what the kind needs and sometimes with what others do. */
const distribution = (maxMs: number) =>
  fc
    .record(
      {
        kind: fc.constantFrom(...DISTRIBUTION_KINDS),
        meanMs: number(0, maxMs),
        cv: number(0, 100),
        tailIndex: number(0.1, 100),
        maxMs: number(maxMs + 1, 600_000_000),
        points,
      },
      { requiredKeys: ["kind", "meanMs", "cv"] },
    )
    .chain((drawn) => {
      const cv = drawn.kind === "erlang" ? number(0, 1) : number(drawn.kind === "hyperexponential" ? 1 : 0, 100);
      const needed = drawn.kind === "empirical" ? points : fc.constant(drawn.points);
      return fc.record({ cv, points: needed }).map((fitting) => ({ ...drawn, ...fitting }));
    });
const id = fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/);
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" }),
  fc.constantFrom("yes", "null", "0123", "${X}", "# no", "a: b", "- x", "*a", "&b", "~", "$$", "<<"),
);
const component = fc.record({
  id,
  name: text,
  kind: fc.constantFrom(...COMPONENT_KINDS),
  instances: fc.integer({ min: 1, max: 1000 }),
  concurrency: fc.integer({ min: 1, max: 10_000 }),
  serviceTime: distribution(600_000),
  queueCapacity: fc.integer({ min: 0, max: 1_000_000 }),
  errorRatio: number(0, 1),
  hitRatio: number(0, 1),
  fanOut: fc.constantFrom(...FAN_OUTS),
  image: fc.oneof(fc.constant(""), text, fc.constantFrom("postgres:18", "redis", "grafana/k6")),
});
const arrivals = fc
  .array(number(0, 1e9), { minLength: 1, maxLength: 5 })
  .map((drawn) => drawn.toSorted((first, second) => first - second));
/** Of every kind, with what the kind needs and sometimes with what others do. */
const load = fc
  .record(
    {
      kind: fc.constantFrom(...WORKLOAD_KINDS),
      ratePerSecond: number(0, 1_000_000),
      users: fc.integer({ min: 1, max: 100_000 }),
      thinkTimeMs: number(0, 3_600_000),
      burstFactor: number(1, 4),
      burstMs: number(1, 86_400_000),
      burstShare: number(0.0001, 0.2),
      amplitude: number(0, 1),
      periodMs: number(1, 1e10),
      toRatePerSecond: number(0, 1_000_000),
      startMs: number(0, 1e8),
      lengthMs: number(1, 1e8),
      spikeFactor: number(0, 1000),
      batchSize: fc.integer({ min: 1, max: 10_000 }),
      arrivalsMs: arrivals,
    },
    { requiredKeys: ["kind"] },
  )
  .chain((drawn) =>
    (drawn.kind === "replay" ? arrivals : fc.constant(drawn.arrivalsMs)).map((arrivalsMs) => ({
      ...drawn,
      arrivalsMs,
    })),
  );
const architecture: fc.Arbitrary<Architecture> = fc
  .uniqueArray(component, { minLength: 1, maxLength: 8, selector: (each) => each.id })
  .chain((components) => {
    const at = fc.nat(components.length - 1);
    const link = fc.record({
      ends: fc.tuple(at, at),
      latency: distribution(60_000),
      timeoutMs: fc.integer({ min: 0, max: 600_000 }),
      retries: fc.integer({ min: 0, max: 10 }),
      retryBackoffMs: fc.integer({ min: 0, max: 60_000 }),
      callsPerRequest: number(0, 100),
      weight: number(0, 1000),
      asynchronous: fc.boolean(),
    });
    const workload = fc.tuple(fc.record({ at }), load).map(([place, rest]) => ({ ...place, ...rest }));
    return fc
      .record({ links: fc.array(link, { maxLength: 10 }), workloads: fc.array(workload, { maxLength: 4 }) })
      .map((drawn) => {
        const partial: PartialArchitecture = {
          components,
          // Calls go from lower to higher places only, so there is no cycle.
          links: drawn.links.flatMap(({ ends, ...rest }) => {
            const from = components[Math.min(...ends)];
            const to = components[Math.max(...ends)];
            if (from === undefined || to === undefined || from === to || to.kind === "client") return [];
            return [{ from: from.id, to: to.id, ...rest }];
          }),
          workloads: drawn.workloads.flatMap(({ at: place, ...rest }) => {
            const client = components[place];
            return client?.kind === "client" ? [{ component: client.id, ...rest }] : [];
          }),
        };
        return completeArchitecture(partial).architecture;
      });
  });

/** The order of components, and of links of different callers, is no part of the model; a caller's own order is. */
function canonical({ components, links, workloads }: Architecture) {
  const byId = <T extends { id: string }>(list: readonly T[]) => [...list].sort((a, b) => (a.id < b.id ? -1 : 1));
  const callers = [...new Set(links.map(({ from }) => from))].sort();
  return {
    components: byId(components),
    links: callers.flatMap((from) => links.filter((link) => link.from === from)),
    workloads: byId(workloads),
  };
}

const formats = [
  ["Weft YAML", exportWeft, importWeft],
  ["Weft JSON", (given: Architecture) => exportWeft(given, { syntax: "json" }), importWeft],
  ["compose", exportCompose, importCompose],
  ["Kubernetes", exportKubernetes, importKubernetes],
] as const;

describe.each(formats)("an architecture written as %s", (_name, write, read) => {
  it("comes back the same", () => {
    fc.assert(
      fc.property(architecture, (given) => {
        const { content } = write(given);
        const result = read(content);
        expect(canonical(result.architecture)).toEqual(canonical(given));
        expect(result.findings.filter(({ severity }) => severity === "ERROR")).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });

  it("comes back the same for every template", () => {
    for (const template of systemTemplates) {
      expect(canonical(read(write(template.architecture).content).architecture), template.id).toEqual(
        canonical(template.architecture),
      );
    }
  });
});

describe("exports", () => {
  const { architecture: small } = completeArchitecture({
    components: [
      { id: "people", kind: "client" },
      { id: "api.v1", kind: "service", instances: 3, image: "example/api:1" },
      { id: "db", kind: "database" },
      { id: "bank", kind: "external" },
    ],
    links: [
      { from: "people", to: "api.v1" },
      { from: "api.v1", to: "db" },
      { from: "api.v1", to: "bank" },
    ],
    workloads: [{ component: "people" }],
  });

  it("to compose use the format's own words where it has them, and say what it has none for", () => {
    const { content, findings } = exportCompose(small);
    expect(content).toContain(
      "  api.v1:\n    image: example/api:1\n    deploy:\n      replicas: 3\n    depends_on:\n      - db\n",
    );
    expect(findings.map(({ message }) => message)).toEqual([
      expect.stringContaining("db have no image"),
      expect.stringContaining("service times"),
      expect.stringContaining("the load"),
      expect.stringContaining("people, bank run in no container"),
    ]);
  });

  it("to Kubernetes name objects as it allows and say so", () => {
    const { content, findings } = exportKubernetes(small);
    expect(content).toContain("kind: Deployment\nmetadata:\n  name: api-v1\n");
    expect(content).toContain("kind: StatefulSet\nmetadata:\n  name: db\n");
    expect(content).toContain("replicas: 3");
    expect(content).toContain("externalName: bank.example.invalid");
    expect(findings.map(({ message }) => message)).toContainEqual(expect.stringContaining("api.v1 have other names"));
  });

  it("of an empty architecture can be read as Weft and compose files", () => {
    const empty: Architecture = { components: [], links: [], workloads: [] };
    expect(importWeft(exportWeft(empty).content).architecture).toEqual(empty);
    expect(importCompose(exportCompose(empty).content).architecture).toEqual(empty);
    expect(exportKubernetes(empty).findings).toContainEqual(expect.objectContaining({ severity: "WARNING" }));
  });
});
