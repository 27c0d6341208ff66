import { expect, test } from "vitest";
import { compileModel } from "../model.ts";
import { component, constant, constantRate, link } from "../scenario.ts";
import { Simulation } from "../simulation.ts";
import { traceMessage } from "./trace-message.ts";

test("a request is told from the client's call to its answer, span by span", () => {
  const model = compileModel({
    components: [component("people", "client"), component("api", "service", { serviceTime: constant(5) })],
    links: [link("people", "api", { latency: constant(2) })],
    workloads: [constantRate("people", 10)],
  });
  const simulation = new Simulation(model, { seed: 1, durationMs: 1000, traceEvery: 1 });
  simulation.runUntil(150);
  const requests = simulation.takeTracedRequests();
  const message = JSON.parse(traceMessage(model, requests, { simulationId: "s1", simulatedMs: 150 }));
  expect(message).toMatchObject({ simulationId: "s1", simulatedMs: 150 });
  const [[root, call]] = message.requests;
  const startMs = root.calledMs;
  expect(root).toMatchObject({ component: "people", parent: -1, outcome: "completed", finishedMs: startMs + 7 });
  expect(root.workedMs).toBeNull();
  expect(call).toEqual({
    ...{ component: "api", parent: 0, attempt: 1, outcome: "completed" },
    ...{ calledMs: startMs, sentMs: startMs, arrivedMs: startMs + 1, startedMs: startMs + 1 },
    ...{ workedMs: startMs + 6, finishedMs: startMs + 6, answeredMs: startMs + 7 },
  });
});
