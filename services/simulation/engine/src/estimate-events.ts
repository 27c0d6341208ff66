/**
 * Roughly how many events a run will process, so that a caller can refuse what would take hours.
 *
 * Walks the calls from the clients down: visits per request, times three events each (request, end of work, answer),
 * plus one per timeout that is set and one per expected retry. Only failures by `errorRatio` count towards retries, so a
 * run that collapses into timeouts takes more. A closed user is taken to meet empty queues, so a congested run takes less.
 */
import { shareOfTop } from "./cache/zipf.ts";
import type { Model, ModelComponent } from "./model.ts";
import { expectedArrivals } from "./workloads/expected-arrivals.ts";

/** Expected events over `durationMs` of simulated time; Infinity when the numbers overflow. */
export function estimateEvents(model: Model, durationMs: number): number {
  let events = 0;
  for (const workload of model.workloads) {
    const request = costOfRequest(model, workload.client);
    const cycleMs = Math.max(1, workload.thinkTimeMs + request.workMs);
    const requests =
      workload.kind === "closed"
        ? (workload.users * model.load * durationMs) / cycleMs
        : expectedArrivals(workload, model.load, durationMs);
    events += requests * request.events;
    // Each burst begins and ends with an event of its own, also when nothing arrives.
    if (workload.kind === "bursty") events += (2 * durationMs * workload.burstShare) / workload.burstMs;
  }
  return events;
}

function costOfRequest(model: Model, client: number): { events: number; workMs: number } {
  const visits = new Float64Array(model.components.length);
  /** Of the visits, those that the client waits for. */
  const awaited = new Float64Array(model.components.length);
  visits[client] = 1;
  awaited[client] = 1;
  let events = 1;
  let workMs = 0;
  for (const index of model.callOrder) {
    const component = model.components[index] as ModelComponent;
    const count = visits[index] as number;
    if (count === 0) continue;
    if (!component.isClient) workMs += (awaited[index] as number) * component.serviceTime.meanMs;
    const callingShare = component.isClient ? 1 : (1 - component.errorRatio) * (1 - hitRatioOf(component));
    for (const link of component.links) {
      const callee = model.components[link.to] as ModelComponent;
      const attempts = count * callingShare * link.callsPerRequest * attemptsPerCall(callee.errorRatio, link.retries);
      visits[link.to] = (visits[link.to] as number) + attempts;
      events += attempts * (link.timeoutMs > 0 ? 4 : 3);
      if (!link.isAwaited) continue;
      const waits = (awaited[index] as number) * callingShare * link.callsPerRequest;
      awaited[link.to] = (awaited[link.to] as number) + (component.isParallel ? Math.min(1, waits) : waits);
      workMs += waits * link.latency.meanMs;
    }
  }
  return { events, workMs };
}

/** A cache with keys is taken to hold those that are wanted most. */
function hitRatioOf({ cache, hitRatio }: ModelComponent): number {
  return cache === undefined ? hitRatio : shareOfTop(cache.capacity, cache.keys, cache.skew);
}

/** Mean attempts when each fails on its own with probability p and `retries` more are made: (1 - p^(r+1)) / (1 - p). */
function attemptsPerCall(failureRatio: number, retries: number): number {
  return failureRatio >= 1 ? retries + 1 : (1 - failureRatio ** (retries + 1)) / (1 - failureRatio);
}
