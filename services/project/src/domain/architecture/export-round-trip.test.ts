import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyArchitecture, everyOption } from "../../../tests/any-architecture.ts";
import type { Architecture } from "./architecture.ts";
import { completeArchitecture } from "./complete-architecture.ts";
import { exportCompose } from "./export-compose.ts";
import { exportKubernetes } from "./export-kubernetes.ts";
import { exportWeft } from "./export-weft.ts";
import { importCompose } from "./import-compose.ts";
import { importKubernetes } from "./import-kubernetes.ts";
import { importWeft } from "./import-weft.ts";
import { systemTemplates } from "./templates/index.ts";

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
      fc.property(anyArchitecture, (given) => {
        const { content } = write(given);
        const result = read(content);
        expect(canonical(result.architecture)).toEqual(canonical(given));
        expect(result.findings.filter(({ severity }) => severity === "ERROR")).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it("comes back with every option", () => {
    expect(canonical(read(write(everyOption).content).architecture)).toEqual(canonical(everyOption));
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
