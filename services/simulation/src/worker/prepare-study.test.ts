import { describe, expect, test } from "vitest";
import type { Question, StudySpec } from "../domain/studies/study.ts";
import { prepareStudy } from "./prepare-study.ts";
import { refusalOf } from "./study-refusal.ts";

const none = { kind: "constant", meanMs: 0, cv: 0 } as const;
const base = {
  concurrency: 1,
  queueCapacity: 1000,
  errorRatio: 0,
  hitRatio: 0,
  fanOut: "sequential",
  image: "",
} as const;
const link = { timeoutMs: 0, retries: 0, retryBackoffMs: 0, callsPerRequest: 1, weight: 1, asynchronous: false };
const architecture = {
  components: [
    { ...base, id: "people", name: "People", kind: "client", instances: 1, serviceTime: none },
    {
      ...base,
      id: "api",
      name: "API",
      kind: "service",
      instances: 2,
      serviceTime: { kind: "exponential", meanMs: 5, cv: 1 },
    },
  ],
  links: [{ ...link, id: "call", from: "people", to: "api", latency: none }],
  workloads: [{ id: "w", component: "people", kind: "poisson", ratePerSecond: 100, users: 1, thinkTimeMs: 0 }],
} as const;
const subject = { name: "shop", architecture };
const compare = {
  kind: "compare",
  otherProjectId: "",
  settings: ["api.instances=3"],
  objectives: [],
  prices: {},
} as const;
const sweep = { kind: "sweep", vary: "api.instances=1..3", objectives: [], prices: {} } as const;
const fault = { kind: "crash", on: "api", at: "10s", for: "5s" };
const chaos = { kind: "chaos", gameDay: { version: 1, name: "crash", faults: [fault] } } as const;
const chaosOn = (on: string) => ({ ...chaos, gameDay: { ...chaos.gameDay, faults: [{ ...fault, on }] } });
const explain = { kind: "explain", prices: { api: { instance: 0.1 } } } as const;
const judged = { kind: "run", objectives: ["p99<50ms"], prices: { api: 0.1 } } as const;
const capacity = { kind: "capacity", objectives: ["p99<50ms"] } as const;

function refusal(question: Question, more: Partial<StudySpec> = {}, of: object = subject) {
  try {
    prepareStudy({ spec: { question, settings: [], ...more }, subject: of as typeof subject });
  } catch (error) {
    return refusalOf(error) ?? expect.unreachable(`thrown: ${error}`);
  }
  return { kind: "none", message: "", fields: [] };
}

describe("prepareStudy", () => {
  test.each<Question>([{ kind: "run" }, judged, compare, sweep, capacity, { kind: "predict" }, chaos, explain])(
    "takes %j",
    (question) => {
      expect(refusal(question).message).toBe("");
    },
  );

  test("says how much work it is, pilots included", () => {
    const eventsOf = (more: Partial<StudySpec>) =>
      prepareStudy({ spec: { question: { kind: "run" }, settings: [], ...more }, subject }).events;
    expect(eventsOf({})).toBeCloseTo(eventsOf({ warmupSeconds: 1 }) * 1.25);
    expect(eventsOf({ load: 2 })).toBeGreaterThan(1.5 * eventsOf({}));
  });

  test.each<[string, Question, Partial<StudySpec>, string]>([
    ["settings[1]", { kind: "run" }, { settings: ["api.instances=1", "apo.instances=1"] }, "did you mean api?"],
    ["settings[0]", { kind: "run" }, { settings: ["api.instances=0"] }, 'component "api": instances must be'],
    ["run.objectives[1]", { ...judged, objectives: ["p99<1s", "p98<1s"] }, {}, 'there is no figure "p98"'],
    ["run.prices", { ...judged, prices: { apo: 1 } }, {}, 'price of "apo": there is no such component'],
    ["compare.settings[0]", { ...compare, settings: ["api.color=1"] }, {}, 'a component has no field "color"'],
    ["compare.objectives[0]", { ...compare, objectives: ["p98<1s"] }, {}, 'there is no figure "p98"'],
    ["compare.prices", { ...compare, prices: { apo: 1 } }, {}, 'price of "apo": there is no such component'],
    ["compare", { ...compare, settings: [] }, {}, "there is one version"],
    ["sweep.vary", { ...sweep, vary: "api.instances=1" }, {}, "a sweep needs at least two values"],
    ["sweep.vary", { ...sweep, vary: "api.instances=0,1" }, {}, "instances must be"],
    ["sweep.vary", { ...sweep, vary: "load=0,1" }, {}, "it takes a number above 0"],
    ["replications", capacity, { replications: 5 }, "must be at least 10"],
    ["load", { ...capacity, highestLoad: 2 }, { load: 3 }, "above the highest load to try"],
    ["chaos.gameDay", { kind: "chaos", gameDay: { version: 2 } }, {}, "version is 2; allowed is 1"],
    ["chaos.gameDay", chaosOn("apo"), {}, "apo"],
    ["explain.prices", { ...explain, prices: { apo: { instance: 1 } } }, {}, "apo"],
    ["replications", explain, { replications: 1 }, "must be at least 2"],
    ["warmupSeconds", { kind: "run" }, { warmupSeconds: 60 }, "must be less than the duration, 60 s"],
  ])("refuses a bad %s", (field, question, more, words) => {
    expect(refusal(question, more)).toMatchObject({ kind: "invalid", fields: [{ field }] });
    expect(refusal(question, more).message).toContain(words);
  });

  test("refuses an architecture that cannot be simulated, naming component and field", () => {
    const [people, api] = architecture.components;
    const broken = { ...subject, architecture: { ...architecture, components: [people, { ...api, instances: 0 }] } };
    expect(refusal({ kind: "run" }, {}, broken)).toMatchObject({
      kind: "cannot_be_simulated",
      fields: [{ field: "architecture.component api instances" }],
    });
  });

  test("refuses what takes too long, saying what to lower", () => {
    const { kind, message } = refusal({ kind: "run" }, { durationSeconds: 86_400, replications: 10_000 });
    expect(kind).toBe("too_large");
    expect(message).toMatch(/at most 1e\+10 are allowed: lower the duration to \d+m, or the replications to \d+/);
  });
});
