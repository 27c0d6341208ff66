import { describe, expect, test } from "vitest";
import type { Component, Workload } from "./architecture.ts";
import { compileModel } from "./model.ts";
import type { RunComponent } from "./run-component.ts";
import { RunState } from "./run-state.ts";
import { component, constant, link, poisson } from "./scenario.ts";
import { place, type Stations } from "./stations.ts";
import { stage, type Visit } from "./visit.ts";

/** A station behind three workloads of the priorities 0, 5 and 9; `arrive` answers the visit and where it was put. */
function stationOf(given: Partial<Component>) {
  const priorities = [0, 5, 9];
  const model = compileModel({
    components: [
      component("client", "client"),
      component("station", "service", { serviceTime: constant(1), ...given }),
    ],
    links: [link("client", "station")],
    workloads: priorities.map((priority): Workload => ({ ...poisson("client", 1), id: `load-${priority}`, priority })),
  });
  const run = new RunState(model, {
    seed: 1,
    lanes: true,
    maxRequestsInSystem: 1000,
    traceEvery: 0,
    maxTracedSpans: 0,
  });
  const { stations } = run;
  const arrive = (priority = 0) => {
    const visit = run.visits.acquire(run.components[1] as RunComponent);
    visit.workload = priorities.indexOf(priority);
    visit.session = visit.index;
    const outcome = stations.admit(visit);
    visit.stage = outcome === place.slot ? stage.working : stage.queued;
    return { visit, outcome };
  };
  return { stations, arrive, first: stations.first[1] as number };
}

/** Everybody who is served after this one, in order. */
function servedAfter(stations: Stations, visit: Visit): Visit[] {
  const served: Visit[] = [];
  for (let next = stations.vacate(visit); next !== undefined; next = stations.vacate(next)) served.push(next);
  return served;
}

describe("a queue by priority", () => {
  test("serves who matters most, and among equals the oldest", () => {
    const { stations, arrive } = stationOf({ discipline: "priority" });
    const { visit } = arrive(9);
    const waiting = [9, 5, 0, 9, 5, 0].map((priority) => arrive(priority).visit);
    const order = [2, 5, 1, 4, 0, 3].map((index) => waiting[index]);
    expect(servedAfter(stations, visit)).toEqual(order);
  });

  test("sheds who has waited longest among those that matter least", () => {
    const { stations, arrive } = stationOf({ discipline: "priority", shed: "oldest", queueCapacity: 3 });
    const { visit } = arrive(0);
    const [important, older, younger] = [0, 9, 9].map((priority) => arrive(priority).visit);
    expect(arrive(5).outcome).toBe(place.queue);
    expect(stations.evicted).toBe(older);
    const last = arrive(0).visit;
    expect(stations.evicted).toBe(younger);
    const served = servedAfter(stations, visit);
    expect(served).toHaveLength(3);
    expect(served.slice(0, 2)).toEqual([important, last]);
  });

  test("sheds a newcomer who matters less than everybody who waits", () => {
    const { stations, arrive } = stationOf({ discipline: "priority", shed: "oldest", queueCapacity: 2 });
    arrive(0);
    arrive(0);
    arrive(5);
    expect(arrive(9).outcome).toBe(place.shed);
    expect(stations.evicted).toBeUndefined();
  });

  test("sheds the newcomer, however much it matters, where the newest goes", () => {
    const { arrive } = stationOf({ discipline: "priority", queueCapacity: 1 });
    arrive(9);
    arrive(9);
    expect(arrive(0).outcome).toBe(place.shed);
  });
});

describe("an instance", () => {
  test("gets nothing new once it is no member, and gives what it has to its own queue", () => {
    const { stations, arrive, first } = stationOf({ instances: 2, balancing: "round_robin" });
    const before = Array.from({ length: 6 }, () => arrive().visit);
    stations.setMember(first, false);
    const after = Array.from({ length: 5 }, () => arrive().visit.instance);
    expect(new Set(after)).toEqual(new Set([first + 1]));
    const [busy, ...waiting] = before.filter((visit) => visit.instance === first);
    expect(servedAfter(stations, busy as Visit)).toEqual(waiting);
    stations.setMember(first, true);
    expect(new Set([arrive(), arrive()].map(({ visit }) => visit.instance))).toEqual(new Set([first, first + 1]));
  });

  test("that is down and still a member refuses, and a component without members as well", () => {
    const { stations, arrive, first } = stationOf({});
    stations.isDown[first] = 1;
    expect(arrive().outcome).toBe(place.down);
    stations.setMember(first, false);
    expect(arrive().outcome).toBe(place.down);
  });

  test("keeps the order of the numbers when it comes back, so that the first stays the primary", () => {
    const { stations, arrive, first } = stationOf({ instances: 3, balancing: "round_robin" });
    stations.setMember(first, false);
    stations.setMember(first, true);
    const turns = Array.from({ length: 6 }, () => arrive().visit.instance - first);
    expect(turns).toEqual([1, 2, 0, 1, 2, 0]);
  });

  test("with fewer slots than are held gives none away until they are given back", () => {
    const { stations, arrive, first } = stationOf({ concurrency: 3 });
    const held = Array.from({ length: 3 }, () => arrive().visit);
    const waits = arrive().visit;
    stations.slots[first] = 2;
    expect(stations.vacate(held[0] as Visit)).toBeUndefined();
    expect(stations.vacate(held[1] as Visit)).toBe(waits);
  });
});
