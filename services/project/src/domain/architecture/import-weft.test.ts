import { describe, expect, it } from "vitest";
import { completeArchitecture } from "./complete-architecture.ts";
import { ImportError } from "./import-result.ts";
import { importWeft } from "./import-weft.ts";

describe("importWeft", () => {
  it("needs only ids, kinds and ends, and fills in the rest", () => {
    const { architecture, findings } = importWeft(`
components:
  - { id: people, kind: client }
  - { id: api, kind: service, serviceTime: 25 }
links:
  - { from: people, to: api }
workloads:
  - { component: people }
`);
    expect(findings).toEqual([]);
    expect(architecture).toEqual(
      completeArchitecture({
        components: [
          { id: "people", kind: "client" },
          { id: "api", kind: "service", serviceTime: { meanMs: 25 } },
        ],
        links: [{ from: "people", to: "api" }],
        workloads: [{ component: "people" }],
      }).architecture,
    );
  });

  it("reads JSON, and an architecture inside its project", () => {
    const project = { id: "p1", name: "Shop", architecture: { components: [{ id: "a", kind: "service" }] } };
    const { architecture } = importWeft(JSON.stringify(project));
    expect(architecture.components.map(({ id }) => id)).toEqual(["a"]);
  });

  it("reports bad values and unknown fields by name and line, and takes the default", () => {
    const { architecture, findings } = importWeft(`components:
  - id: api
    kind: service
    instances: 0
    colour: red
    serviceTime: { meanMs: fast, shape: 2 }
  - id: API
    kind: service
  - id: api
    kind: cache
`);
    expect(architecture.components).toHaveLength(1);
    expect(architecture.components[0]).toMatchObject({ instances: 1, serviceTime: { meanMs: 10 } });
    expect(findings.map(({ severity, line }) => `${severity} ${line}`)).toEqual([
      "ERROR 4",
      "ERROR 6",
      "ERROR 7",
      "ERROR 7",
      "ERROR 9",
      "WARNING 5",
      "WARNING 6",
      "INFO undefined",
    ]);
    expect(findings[0]?.message).toBe(
      "components[0].instances must be a whole number from 1 to 1000, not 0; it counts as absent",
    );
    expect(findings[5]?.message).toContain("components[0].colour");
  });

  it("leaves out links and workloads that cannot be, each with a finding", () => {
    const { architecture, findings } = importWeft(`components:
  - { id: people, kind: client }
  - { id: a, kind: service }
  - { id: b, kind: service }
links:
  - { from: people, to: a }
  - { from: a, to: b }
  - { from: b, to: a }
  - { from: a, to: a }
  - { from: a, to: nobody }
  - { from: a, to: people }
  - { from: a }
workloads:
  - { component: a }
  - { component: people, kind: closed, users: 5 }
`);
    expect(architecture.links.map(({ id }) => id)).toEqual(["people->a", "a->b"]);
    expect(architecture.workloads).toHaveLength(1);
    const lines = findings.map(({ line }) => line);
    for (const line of [8, 9, 10, 11, 12, 14]) expect(lines).toContain(line);
    expect(findings.find(({ line }) => line === 8)?.message).toContain("b -> a");
    expect(findings.find(({ line }) => line === 8)?.message).toContain("a -> b");
  });

  it("refuses content without an architecture", () => {
    for (const content of ["[]", "hello", "name: x", "architecture: {}", "components: [1, 2]", "a: [", ""]) {
      expect(() => importWeft(content), content).toThrow(ImportError);
    }
  });

  it("refuses more components than an architecture may have", () => {
    const components = Array.from({ length: 501 }, (_, index) => ({ id: `c${index}`, kind: "service" }));
    expect(() => importWeft(JSON.stringify({ components }))).toThrow("at most 500");
  });
});
