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

  it("says where a kind of distribution comes without a mean", () => {
    const { architecture, findings } = importWeft(`components:
  - { id: a, kind: service, serviceTime: { kind: lognormal } }
  - { id: b, kind: service, serviceTime: { kind: lognormal, meanMs: 5 } }
  - { id: c, kind: service, serviceTime: { kind: empirical, points: [{ upToMs: 4, weight: 1 }] } }
  - { id: d, kind: service, serviceTime: { cv: 2 } }
  - { id: e, kind: service, serviceTime: { kind: lognormal, meanMs: fast } }
links:
  - { from: a, to: b, latency: { kind: gamma, cv: 2 } }
`);
    expect(architecture.components[0]?.serviceTime).toMatchObject({ kind: "lognormal", meanMs: 10 });
    expect(
      findings.filter(({ severity }) => severity === "WARNING").map(({ line, message }) => `${line} ${message}`),
    ).toEqual([
      "2 components[0].serviceTime.meanMs is missing; a default mean stands in for that of lognormal",
      "8 links[0].latency.meanMs is missing; a default mean stands in for that of gamma",
    ]);
  });

  it("reads distributions of every kind, and stands defaults in for what does not fit together", () => {
    const { architecture, findings } = importWeft(`components:
  - { id: a, kind: service, serviceTime: { kind: pareto, meanMs: 5, tailIndex: 1.2, maxMs: 900 } }
  - { id: b, kind: service, serviceTime: { kind: empirical, points: [{ upToMs: 4, weight: 1 }] } }
  - { id: c, kind: service, serviceTime: { kind: hyperexponential, meanMs: 5, cv: 0.5 } }
  - { id: d, kind: service, serviceTime: { kind: erlang, cv: 2 } }
  - { id: e, kind: service, serviceTime: { kind: pareto, maxMs: 20 } }
  - { id: f, kind: service, serviceTime: { kind: pareto, meanMs: 20, maxMs: 20 } }
  - { id: g, kind: service, serviceTime: { kind: empirical } }
  - { id: h, kind: service, serviceTime: { kind: empirical, points: [{ upToMs: 4 }] } }
  - { id: i, kind: service, serviceTime: { kind: empirical, points: [{ upToMs: 4, weight: 0 }], cv: 2 } }
  - { id: j, kind: service, serviceTime: { kind: pareto, tailIndex: 0 } }
  - { id: k, kind: service, serviceTime: { kind: empirical, points: 7 } }
`);
    const pareto = { kind: "pareto", cv: 1, tailIndex: 1.5 };
    expect(architecture.components.map(({ serviceTime }) => serviceTime)).toEqual([
      { ...pareto, meanMs: 5, tailIndex: 1.2, maxMs: 900 },
      { kind: "empirical", meanMs: 2, cv: 1, points: [{ upToMs: 4, weight: 1 }] },
      { kind: "hyperexponential", meanMs: 5, cv: 2 },
      { kind: "erlang", meanMs: 10, cv: 0.5 },
      { ...pareto, meanMs: 10, maxMs: 10_000 },
      { ...pareto, meanMs: 20, maxMs: 20_000 },
      { kind: "gamma", meanMs: 10, cv: 1 },
      { kind: "gamma", meanMs: 10, cv: 1 },
      { kind: "gamma", meanMs: 10, cv: 2 },
      { ...pareto, meanMs: 10, maxMs: 10_000 },
      { kind: "gamma", meanMs: 10, cv: 1 },
    ]);
    const errors = findings.filter(({ severity }) => severity === "ERROR");
    expect(
      errors.map(({ line, message }) => `${line} ${message.replace(/^components\[\d+\]\.serviceTime\./, "")}`),
    ).toEqual([
      "4 cv must be at least 1 when the kind is hyperexponential, not 0.5; it counts as absent",
      "5 cv must be at most 1 when the kind is erlang, not 2; it counts as absent",
      "6 maxMs must be above a meanMs that stands beside it, not 20; it counts as absent",
      "7 maxMs must be above the mean, 20, not 20; it counts as absent",
      "8 kind must come with points that can be used when it is empirical, not without; it counts as absent",
      "9 points must be points with upToMs and weight, but 0 is none; it counts as absent",
      "9 kind must come with points that can be used when it is empirical, not without; it counts as absent",
      "10 points must have a weight above 0, but all are 0; it counts as absent",
      "10 kind must come with points that can be used when it is empirical, not without; it counts as absent",
      "11 tailIndex must be a number from 0.1 to 100, not 0; it counts as absent",
      '12 points must be a list of at most 1000 points, not "7"; it counts as absent',
      "12 kind must come with points that can be used when it is empirical, not without; it counts as absent",
    ]);
  });

  it("reads workloads of every kind, and says which fields do not fit", () => {
    const { architecture, findings } = importWeft(`components:
  - { id: people, kind: client }
workloads:
  - { component: people, kind: bursty, burstFactor: 8, burstShare: 0.05 }
  - { component: people, kind: bursty, burstFactor: 8, burstShare: 0.5, burstMs: 7 }
  - { component: people, kind: bursty, burstFactor: 20 }
  - { component: people, kind: replay, arrivalsMs: [0, 1.5, 1.5] }
  - { component: people, kind: replay, arrivalsMs: [3, 2] }
  - { component: people, kind: replay, ratePerSecond: 9 }
  - { component: people, kind: diurnal, amplitude: 2, arrivalsMs: soon }
  - { component: people, kind: ramp, arrivalsMs: [0, x] }
`);
    const shapes = architecture.workloads.map(
      ({ id: _id, component: _component, users: _users, thinkTimeMs: _thinkTimeMs, ...rest }) => rest,
    );
    const bursty = { kind: "bursty", ratePerSecond: 50, burstFactor: 5, burstMs: 1000, burstShare: 0.1 };
    expect(shapes).toEqual([
      { ...bursty, burstFactor: 8, burstShare: 0.05 },
      { ...bursty, burstMs: 7 },
      bursty,
      { kind: "replay", ratePerSecond: 50, arrivalsMs: [0, 1.5, 1.5] },
      { kind: "poisson", ratePerSecond: 50 },
      { kind: "poisson", ratePerSecond: 9 },
      { kind: "diurnal", ratePerSecond: 50, amplitude: 0.5, periodMs: 86_400_000 },
      { kind: "ramp", ratePerSecond: 50, toRatePerSecond: 100, startMs: 0, lengthMs: 60_000 },
    ]);
    const errors = findings.filter(({ severity }) => severity === "ERROR");
    expect(errors.map(({ line, message }) => `${line} ${message.replace(/^workloads\[\d+\]\./, "")}`)).toEqual([
      "5 burstShare must be at most 1 ÷ burstFactor (8), which is 0.125, not 0.5; it counts as absent",
      "6 burstFactor must be at most 1 ÷ burstShare (0.1), which is 10, not 20; it counts as absent",
      "8 arrivalsMs must ascend, but 1 is 2 after 3; it counts as absent",
      "8 kind must come with arrivals that can be used when it is replay, not without; it counts as absent",
      "9 kind must come with arrivals that can be used when it is replay, not without; it counts as absent",
      '10 arrivalsMs must be a list of times in milliseconds, not "soon"; it counts as absent',
      "10 amplitude must be a number from 0 to 1, not 2; it counts as absent",
      "11 arrivalsMs must be numbers from 0 to 31536000000, but 1 is x; it counts as absent",
    ]);
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
