/** Faults that ask for more: spikes, herds, and callers who try again. */
import { RandomStream } from "../../random.ts";
import { endOf, type FaultFamily, longestMs, partOfFactor, ramped } from "../family.ts";
import type { RetryStormFault, StampedeFault, TrafficSpikeFault } from "../fault.ts";
import { errorsOf, loadOf, retriesOf, slotsOf } from "../settings.ts";

export const trafficSpike: FaultFamily<TrafficSpikeFault> = {
  kind: "traffic_spike",
  title: "Traffic spike",
  targets: ["workload"],
  hasRamp: true,
  numbers: { factor: { minimum: 0, maximum: 10_000, isRequired: true } },
  plan: (fault, { workloads }, planner) => {
    for (const { id } of workloads) planner.hold(loadOf(id), ramped(fault, partOfFactor(fault.factor)), endOf(fault));
  },
};

/** A herd that is spread comes in so many groups at most; the moments within a group do not differ by much. */
const mostGroups = 500;

export const stampede: FaultFamily<StampedeFault> = {
  kind: "stampede",
  title: "Stampede",
  targets: ["workload", "component"],
  isMomentary: true,
  numbers: {
    requests: { minimum: 1, maximum: 1_000_000, isWhole: true, isRequired: true },
    jitterMs: { minimum: 0, maximum: longestMs },
  },
  check: (_, { workloads, components }) => {
    if (workloads.length === 0) return [{ field: "on", message: "on names no workload, whose requests would come" }];
    return components
      .filter(({ cache }) => cache === undefined)
      .map(({ id }) => ({
        field: "on",
        message: `on names "${id}", which is no cache with keys that could be emptied`,
      }));
  },
  plan: (fault, { workloads, components }, planner) => {
    const { startMs, requests, jitterMs = 0, seed = 1 } = fault;
    for (const { id } of components) planner.once(startMs, { kind: "flush", component: id });
    for (const { id } of workloads) {
      const groups = jitterMs === 0 ? 1 : Math.min(requests, mostGroups);
      const stream = new RandomStream(seed, `chaos/stampede/${id}`);
      for (let group = 0; group < groups; group++) {
        const size = Math.floor((requests * (group + 1)) / groups) - Math.floor((requests * group) / groups);
        const atMs = startMs + Math.round(jitterMs * (groups === 1 ? 0 : stream.uniform()));
        planner.once(atMs, { kind: "burst", workload: id, requests: size });
      }
    }
  },
};

export const retryStorm: FaultFamily<RetryStormFault> = {
  kind: "retry_storm",
  title: "Retry storm",
  targets: ["link"],
  numbers: {
    retries: { minimum: 0, maximum: 100, isWhole: true },
    backoffMs: { minimum: 0, maximum: 60_000 },
    policyMs: { minimum: 0, maximum: longestMs, isAbove: true },
  },
  choices: { trigger: ["outage", "errors", "none"] },
  flags: ["keepsBudget"],
  plan: (fault, { links }, planner, { components }) => {
    const { startMs, trigger = "outage", policyMs = Number.POSITIVE_INFINITY } = fault;
    const start = <V>(value: V) => [{ atMs: startMs, value }];
    const called = components.filter(({ id }) => links.some(({ to }) => to === id));
    for (const component of called) {
      if (trigger === "outage") planner.hold(slotsOf(component), start(0), endOf(fault));
      if (trigger === "errors") planner.hold(errorsOf(component), start(1), endOf(fault));
    }
    if (fault.retries === undefined && fault.backoffMs === undefined && fault.keepsBudget === undefined) return;
    for (const link of links) {
      const { retries = link.retries, backoffMs = link.retryBackoffMs, keepsBudget = true } = fault;
      planner.hold(retriesOf(link), start({ retries, backoffMs, keepsBudget }), startMs + policyMs);
    }
  },
};
