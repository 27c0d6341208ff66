/**
 * What one component did between two moments, in rates, ratios and means: the common source of frames, results and
 * bottlenecks.
 */
import { type Snapshot, statistic, statisticsPerComponent } from "./component-statistics.ts";
import type { ModelComponent } from "./model.ts";

const nsPerMs = 1e6;

/** `arrivals` includes those present at the start, so arrivals = completed + failed + shed + inFlight. */
export interface ComponentPeriod {
  readonly seconds: number;
  readonly arrivals: number;
  readonly completed: number;
  readonly failed: number;
  readonly shed: number;
  readonly inFlight: number;
  readonly timedOut: number;
  readonly retried: number;
  readonly deadLettered: number;
  readonly cacheHits: number;
  readonly cacheMisses: number;
  readonly collapsedMisses: number;
  /** Mean share of the slots that were held, and that were held for own work; 0 for clients. */
  readonly utilization: number;
  readonly workUtilization: number;
  /** Requests in the component and in its queues, as means over the time. */
  readonly presentMean: number;
  readonly queueLengthMean: number;
  readonly queueLengthStart: number;
  readonly queueLengthEnd: number;
  /** Mean wait of the requests that got a slot. */
  readonly waitMeanMs: number;
}

export function readPeriod(component: ModelComponent, from: Snapshot, to: Snapshot): ComponentPeriod {
  const base = component.index * statisticsPerComponent;
  const at = (snapshot: Snapshot, name: keyof typeof statistic) => snapshot.values[base + statistic[name]] as number;
  const change = (name: keyof typeof statistic) => at(to, name) - at(from, name);
  const elapsedNs = to.atNs - from.atNs;
  const mean = (area: keyof typeof statistic) => ratio(change(area), elapsedNs);
  const slots = component.instances * component.concurrency;
  return {
    seconds: elapsedNs / 1e9,
    arrivals: at(from, "present") + change("arrivals"),
    completed: change("completed"),
    failed: change("failed"),
    shed: change("shed"),
    inFlight: at(to, "present"),
    timedOut: change("timedOut"),
    retried: change("retried"),
    deadLettered: change("deadLettered"),
    cacheHits: change("cacheHits"),
    cacheMisses: change("cacheMisses"),
    collapsedMisses: change("collapsedMisses"),
    utilization: mean("heldArea") / slots,
    workUtilization: mean("workingArea") / slots,
    presentMean: mean("presentArea"),
    queueLengthMean: mean("waitingArea"),
    queueLengthStart: at(from, "waiting"),
    queueLengthEnd: at(to, "waiting"),
    waitMeanMs: ratio(change("waitedNs"), change("started")) / nsPerMs,
  };
}

/** 0 when there is nothing to divide by. */
export function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
