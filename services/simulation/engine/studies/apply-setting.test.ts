import { importWeft } from "@weft/project/architecture";
import { describe, expect, test } from "vitest";
import { applySetting } from "./apply-setting.ts";
import { StudyError } from "./study-error.ts";

const { architecture } = importWeft(
  JSON.stringify({
    components: [
      { id: "people", kind: "client" },
      { id: "checkout", kind: "service", rateLimit: { perSecond: 9, burst: 3 } },
      { id: "orders.db", kind: "database" },
    ],
    links: [
      { from: "people", to: "checkout" },
      { id: "query", from: "checkout", to: "orders.db" },
    ],
    workloads: [{ id: "visits", component: "people" }],
  }),
);

function refusal(setting: string): string {
  try {
    applySetting(architecture, setting);
  } catch (error) {
    if (error instanceof StudyError) return `${error.message}\n${error.next ?? ""}`;
    throw error;
  }
  return expect.unreachable("it was set");
}

describe("applySetting", () => {
  test.each<[string, "components" | "links" | "workloads", number, object]>([
    ["checkout.cpus=0.5", "components", 1, { cpus: 0.5 }],
    ["checkout.serviceTime=7", "components", 1, { serviceTime: { kind: "gamma", meanMs: 7, cv: 1 } }],
    ["checkout.rateLimit.perSecond=20", "components", 1, { rateLimit: { perSecond: 20, burst: 3 } }],
    ['orders.db.rateLimit={"perSecond":1,"burst":2}', "components", 2, { rateLimit: { perSecond: 1, burst: 2 } }],
    [
      "checkout.autoscaler.maxInstances=8",
      "components",
      1,
      { autoscaler: { minInstances: 1, maxInstances: 8, targetUtilization: 0.8 } },
    ],
    ["link:query.timeoutCancels=true", "links", 1, { timeoutCancels: true }],
    ["link:query.breaker={}", "links", 1, { breaker: { failures: 5, openMs: 5000 } }],
    ["link:query.retryBudget.scope=tier", "links", 1, { retryBudget: { ratio: 0.2, scope: "tier" } }],
    ["workload:visits.deadlineMs=250", "workloads", 0, { deadlineMs: 250 }],
  ])("%s changes that field and nothing else", (setting, section, index, change) => {
    const expected = structuredClone(architecture);
    Object.assign(expected[section][index] as object, change);
    expect(applySetting(architecture, setting)).toEqual(expected);
  });

  test.each([
    ["checkout.autoscaler.maxInstance=8", 'no field "autoscaler.maxInstance"', "did you mean autoscaler.maxInstances"],
    ["link:query.retryBuget.ratio=1", 'no field "retryBuget.ratio"', "did you mean retryBudget.ratio"],
    ["checkout.colour=red", 'no field "colour"', "cpus, shed, holdsSlot, dropsExpired, rateLimit, autoscaler"],
    ["checkout.rateLimit=5", "rateLimit must be a mapping of perSecond, burst, whenExceeded", ""],
    ["checkout.rateLimit.perSecond=0", "rateLimit.perSecond must be a number above 0 and at most 10000000, not 0", ""],
    ["checkout.holdsSlot=maybe", 'holdsSlot must be true or false, not "maybe"', ""],
    [
      "orders.db.rateLimit.perSecond=5",
      'component "orders.db": rateLimit must have a usable burst\n',
      `give all of it at once, as JSON: '….rateLimit={"burst":…,…}'`,
    ],
    ["orders.db.readWriteSplit=true", 'component "orders.db": readWriteSplit must come with at least 2 instances', ""],
    ["people.cpus=2", 'component "people": cpus must be on a component that is called, not on a client', ""],
    ["checkout.autoscaler.minInstances=4", 'component "checkout": autoscaler must have a usable maxInstances', "JSON"],
    ["link:query.bandwidthMbps=-1", 'link "query": bandwidthMbps must be 0 or a number from 0.001 to 1000000', ""],
  ])("refuses %s", (setting, message, next) => {
    expect(refusal(setting)).toContain(message);
    expect(refusal(setting)).toContain(next);
  });
});
