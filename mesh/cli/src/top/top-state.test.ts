import { describe, expect, test } from "vitest";
import type { InstanceView, TopView } from "./sampler.ts";
import { actionsFrom, applyAction, sortedInstances, type TopAction, type TopState } from "./top-state.ts";

const instance = (service: string, rate: number | null): InstanceView => ({
  ...{ service, instance: "1", address: "h:1", status: "ready" as const },
  load:
    rate === null
      ? null
      : {
          ...{ callsPerSecond: rate, p50Ms: 1, p99Ms: 100 - rate, errorShare: null, inFlight: 0, admissionLimit: null },
          ...{ cpuShare: 0, memoryBytes: 0, eventLoopLagP99Ms: 0, lanesOpen: null, meanBatch: null, peers: [] },
        },
  unreachable: rate === null ? "ECONNREFUSED" : null,
});
const view: TopView = {
  atMs: 0,
  instances: [instance("a", 1), instance("b", null), instance("c", 9), instance("d", 5)],
  unreadable: [],
  registryError: null,
};
const start: TopState = { sort: "rate", paused: false, selected: undefined };
const after = (...actions: TopAction[]) => actions.reduce((state, action) => applyAction(state, action, view), start);

describe("keys", () => {
  test("are read one after the other, arrows among them, and others are ignored", () => {
    expect(actionsFrom("jk\u001b[A\u001bOB\u001b[C\u001b[5~xp\u001bq")).toEqual([
      "down",
      "up",
      "up",
      "down",
      "right",
      "pause",
      "quit",
    ]);
    expect(actionsFrom("\u0003")).toEqual(["quit"]);
  });

  test("move the selection in the order shown, and stop at its ends", () => {
    expect(
      [after("down"), after("down", "down"), after("last"), after("up"), after("last", "first")].map(
        ({ selected }) => selected,
      ),
    ).toEqual(["d/1", "a/1", "b/1", "c/1", "c/1"]);
  });

  test("keep the selected instance when another order is chosen", () => {
    const state = after("down", "right");
    expect(state).toMatchObject({ sort: "p99", selected: "d/1" });
    expect(applyAction(state, "up", view).selected).toBe("a/1");
    expect(after("left").sort).toBe("name");
  });

  test("pause and go on", () => {
    expect([after("pause").paused, after("pause", "pause").paused]).toEqual([true, false]);
  });

  test("do nothing to an empty list", () => {
    expect(applyAction(start, "down", { ...view, instances: [] }).selected).toBeUndefined();
  });
});

test("instances are shown with the greatest first and those not reached last", () => {
  const order = (sort: TopState["sort"]) =>
    sortedInstances(view, sort)
      .map(({ service }) => service)
      .join("");
  expect([order("rate"), order("p99"), order("name"), order("errors")]).toEqual(["cdab", "adcb", "abcd", "abcd"]);
});
