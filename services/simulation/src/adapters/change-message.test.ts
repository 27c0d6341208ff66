import { readFile } from "node:fs/promises";
import { create, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { validateMessage } from "@weft/mesh";
import { ChangeSchema, PlannedChangeSchema } from "@weft/proto/weft/simulation/v1/change_pb.ts";
import type { Change } from "@weft/simulator";
import { describe, expect, it } from "vitest";
import { caseOf, changeFrom, changeMessage, plannedChangeFrom, plannedChangeMessage } from "./change-message.ts";

const extra = { kind: "exponential", meanMs: 20, cv: 1 } as const;
const points = [{ upToMs: 10, weight: 2 }];
/** Of every kind one that says all it can; a new kind does not compile until it is here. */
const whole: { [Kind in Change["kind"]]: Extract<Change, { kind: Kind }> } = {
  load: { kind: "load", load: 0 },
  workload: { kind: "workload", workload: "w", factor: 0 },
  burst: { kind: "burst", workload: "w", requests: 5 },
  work: { kind: "work", component: "api", instance: 0, factor: 3 },
  errors: { kind: "errors", component: "api", ratio: 0, code: "not_found", isRetryable: true },
  down: { kind: "down", component: "api", instances: [0, 2], inFlight: "finish", isNoticed: false },
  up: { kind: "up", component: "api", instances: [2] },
  pause: { kind: "pause", component: "api", instance: 1, lengthMs: 50 },
  slots: { kind: "slots", component: "api", slots: 0 },
  hits: { kind: "hits", component: "cache", factor: 0.5 },
  flush: { kind: "flush", component: "cache" },
  rate_limit: { kind: "rate_limit", component: "api", factor: 0.1, burst: 20 },
  delay: { kind: "delay", link: "a->b", extra: { ...extra, kind: "empirical", points }, share: 0.25 },
  loss: { kind: "loss", link: "a->b", ratio: 1, retransmitMs: 50 },
  cut: { kind: "cut", link: "a->b", how: "silent" },
  bandwidth: { kind: "bandwidth", link: "a->b", factor: 0.01 },
  retries: { kind: "retries", link: "a->b", retries: 0, backoffMs: 10, keepsBudget: false, jitter: "none" },
  breaker: { kind: "breaker", link: "a->b", breaker: { failures: 1, openMs: 2, probes: 3 } },
  connections: { kind: "connections", link: "a->b", connections: 0 },
  keys: { kind: "keys", component: "cache", skew: 0, hotShare: 0.5 },
  sessions: { kind: "sessions", workload: "w", skew: 1.5, hotShare: 1 },
  hedge: { kind: "hedge", link: "a->b", afterMs: 0 },
};

const read = (json: JsonValue) => {
  const message = fromJson(ChangeSchema, json);
  validateMessage(ChangeSchema, message);
  return changeFrom(message);
};

describe("a change", () => {
  it.each(Object.values(whole))("$kind crosses the wire and is what it was", (change) => {
    const message = create(ChangeSchema, changeMessage(change));
    validateMessage(ChangeSchema, message);
    expect(changeFrom(message)).toEqual(change);
  });

  it("has its row in the README, whatever its kind", async () => {
    const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
    const table = /\n\| change +\| says [\s\S]*?\n\n/.exec(readme)?.[0] ?? "";
    const rows = [...table.matchAll(/^\| `(\w+)` /gm)].map(([, name]) => name);
    expect(rows).toEqual(Object.values(whole).map(({ kind }) => caseOf(kind)));
  });

  it("is planned in seconds", () => {
    const planned = { atMs: 1500, change: whole.errors };
    const message = create(PlannedChangeSchema, plannedChangeMessage(planned));
    expect(message.atSeconds).toBe(1.5);
    expect(plannedChangeFrom(message)).toEqual(planned);
  });

  it.each<[JsonValue, Change]>([
    [{ work: { component: "api", factor: 2 } }, { kind: "work", component: "api", factor: 2 }],
    [
      { down: { component: "api", instances: [0] } },
      { kind: "down", component: "api", instances: [0], inFlight: "fail", isNoticed: true },
    ],
    [{ errors: { component: "api", ratio: 1 } }, { kind: "errors", component: "api", ratio: 1 }],
    [{ keys: { component: "cache" } }, { kind: "keys", component: "cache" }],
    [{ rateLimit: { component: "api", factor: 0 } }, { kind: "rate_limit", component: "api", factor: 0 }],
    [
      { delay: { link: "l", extra: { kind: "exponential", meanMs: 20 } } },
      { kind: "delay", link: "l", extra, share: 1 },
    ],
    [
      { delay: { link: "l", extra: { kind: "hyperexponential", meanMs: 20 } } },
      { kind: "delay", link: "l", extra: { kind: "hyperexponential", meanMs: 20, cv: 2 }, share: 1 },
    ],
    [
      { retries: { link: "l", retries: 3 } },
      { kind: "retries", link: "l", retries: 3, backoffMs: 0, keepsBudget: true },
    ],
    [{ breaker: { link: "l" } }, { kind: "breaker", link: "l" }],
    [
      { breaker: { link: "l", breaker: {} } },
      { kind: "breaker", link: "l", breaker: { failures: 5, openMs: 5000, probes: 1 } },
    ],
  ])("takes the defaults that its message tells: %j", (json, change) => {
    expect(read(json)).toEqual(change);
  });

  it.each<[JsonValue, RegExp]>([
    [{}, /exactly one field is required/],
    [{ errors: { component: "api" } }, /errors\.ratio/],
    [{ errors: { component: "api", ratio: 1.1 } }, /errors\.ratio/],
    [{ errors: { component: "", ratio: 1 } }, /errors\.component/],
    [{ errors: { component: "api", ratio: 1, code: "gone" } }, /errors\.code/],
    [{ keys: { component: "cache", skew: 5.1 } }, /keys\.skew/],
    [{ keys: { component: "cache", hotShare: 1.1 } }, /keys\.hotShare/],
    [{ sessions: { workload: "" } }, /sessions\.workload/],
    [{ sessions: { workload: "w", hotShare: -0.1 } }, /sessions\.hotShare/],
    [{ hedge: { link: "l" } }, /hedge\.afterMs/],
    [{ rateLimit: { component: "api", factor: 1, burst: 0 } }, /rateLimit\.burst/],
    [{ loss: { link: "l", ratio: 1, retransmitMs: -1 } }, /loss\.retransmitMs/],
    [{ retries: { link: "l", retries: 1, jitter: "some" } }, /retries\.jitter/],
    [{ load: {} }, /load\.load/],
    [{ down: { component: "api" } }, /down\.instances/],
    [{ down: { component: "api", instances: [1, 1] } }, /down\.instances/],
    [{ pause: { component: "api" } }, /pause\.lengthMs/],
    [{ cut: { link: "l", how: "off" } }, /cut\.how/],
    [{ delay: { link: "l" } }, /delay\.extra/],
    [{ bandwidth: { link: "l" } }, /bandwidth\.factor/],
    [{ burst: { workload: "w" } }, /burst\.requests/],
  ])("that does not say enough is refused: %j", (json, field) => {
    expect(() => read(json)).toThrow(field);
  });
});
