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
  readonly onTime: number;
  readonly expired: number;
  readonly cancelled: number;
  readonly limited: number;
  readonly refusedByBreaker: number;
  readonly retriesDenied: number;
  readonly refusedByPool: number;
  readonly hedged: number;
  readonly lost: number;
  /** Mean share of the slots that were held, and that were held for own work; 0 for clients. */
  readonly utilization: number;
  readonly workUtilization: number;
  /** Requests in the component and in its queues, as means over the time. */
  readonly presentMean: number;
  readonly queueLengthMean: number;
  readonly queueLengthStart: number;
  readonly queueLengthEnd: number;
  /** Requests that got a slot, those of them that waited for it, and the mean wait of all that got one. */
  readonly started: number;
  readonly waited: number;
  readonly waitMeanMs: number;
  /** Mean share of the cores that worked, where cores are shared; 0 elsewhere. */
  readonly coreUtilization: number;
  /** Instances that took requests, as a mean over the time; 0 for clients. */
  readonly instancesMean: number;
  /** Calls from here that waited for a connection: how many at once on average, and each for how long. */
  readonly backlogMean: number;
  readonly connectionWaitMeanMs: number;
}

export function readPeriod(component: ModelComponent, from: Snapshot, to: Snapshot): ComponentPeriod {
  const base = component.index * statisticsPerComponent;
  const at = (snapshot: Snapshot, name: keyof typeof statistic) => snapshot.values[base + statistic[name]] as number;
  const change = (name: keyof typeof statistic) => at(to, name) - at(from, name);
  const elapsedNs = to.atNs - from.atNs;
  const mean = (area: keyof typeof statistic) => ratio(change(area), elapsedNs);
  // Instances and slots may come and go, so shares are of what there was.
  const slotsNs = change("slotsArea");
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
    onTime: change("onTime"),
    expired: change("expired"),
    cancelled: change("cancelled"),
    limited: change("limited"),
    refusedByBreaker: change("refusedByBreaker"),
    retriesDenied: change("retriesDenied"),
    refusedByPool: change("refusedByPool"),
    hedged: change("hedged"),
    lost: change("lost"),
    utilization: ratio(change("heldArea"), slotsNs),
    workUtilization: ratio(change("workingArea"), slotsNs),
    coreUtilization: ratio(change("coresArea"), change("servingArea") * component.cpus),
    instancesMean: mean("instancesArea"),
    backlogMean: mean("backlogArea"),
    connectionWaitMeanMs: ratio(change("connectionWaitNs"), change("connectionWaits")) / nsPerMs,
    started: change("started"),
    waited: change("waited"),
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
