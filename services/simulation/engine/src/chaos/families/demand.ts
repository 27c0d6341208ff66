/** Faults that ask for more: spikes, herds, and callers who try again. */
import type { Component } from "../../architecture.ts";
import type { OptionIssue } from "../../option-issues.ts";
import { RandomStream } from "../../random.ts";
import { endOf, type FaultFamily, longestMs, partOfFactor, ramped, shareRule } from "../family.ts";
import type { RetryStormFault, StampedeFault, TrafficSpikeFault } from "../fault.ts";
import { errorsOf, keysOf, loadOf, retriesOf, sessionsOf, slotsOf } from "../settings.ts";

export const trafficSpike: FaultFamily<TrafficSpikeFault> = {
  kind: "traffic_spike",
  title: "Traffic spike",
  targets: ["workload", "component"],
  hasRamp: true,
  numbers: {
    factor: { minimum: 0, maximum: 10_000 },
    skew: { minimum: 0, maximum: 5 },
    hotShare: shareRule,
  },
  check: ({ factor, skew, hotShare }, { workloads, components }, architecture) => {
    const isShifted = skew !== undefined || hotShare !== undefined;
    if (factor === undefined && !isShifted) {
      return [{ field: "factor", message: "none of factor, skew and hotShare is given; one is needed" }];
    }
    const refuse = (message: string): OptionIssue[] => [{ field: "on", message: `on names ${message}` }];
    const other = components.find(({ cache }) => cache === undefined);
    if (other !== undefined) return refuse(`"${other.id}", which is no cache with keys`);
    if (!isShifted && components.length > 0) {
      return refuse(`"${components[0]?.id}", which only skew and hotShare are for; neither is given`);
    }
    if (workloads.length === 0 && (factor !== undefined || components.length === 0)) {
      const ids = architecture.workloads.map(({ id }) => `workload:${id}`);
      return refuse(`no workload, which factor is for; allowed are ${ids.join(", ")}`);
    }
    if (!isShifted || components.length > 0 || hashes(architecture.components)) return [];
    return refuse("no cache with keys, and nothing balances by consistent_hash; skew and hotShare are for these");
  },
  plan: (fault, { workloads, components }, planner, architecture) => {
    const { factor, skew, hotShare = 0 } = fault;
    const shifted = (ownSkew = 0) =>
      ramped(fault, (part) => ({
        skew: skew === undefined ? undefined : Number((ownSkew + (skew - ownSkew) * part).toPrecision(12)),
        hotShare: Number((hotShare * part).toPrecision(12)),
      }));
    const isShifted = skew !== undefined || hotShare > 0;
    for (const { id, sessionSkew } of workloads) {
      if (factor !== undefined) planner.hold(loadOf(id), ramped(fault, partOfFactor(factor)), endOf(fault));
      if (isShifted && hashes(architecture.components)) {
        planner.hold(sessionsOf(id), shifted(sessionSkew), endOf(fault));
      }
    }
    for (const component of components) planner.hold(keysOf(component), shifted(component.cache?.skew), endOf(fault));
  },
};

function hashes(components: readonly Component[]): boolean {
  return components.some(({ balancing }) => balancing === "consistent_hash");
}

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
  choices: { trigger: ["outage", "errors", "none"], jitter: ["full", "none"] },
  flags: ["keepsBudget"],
  plan: (fault, { links }, planner, { components }) => {
    const { startMs, trigger = "outage", policyMs = Number.POSITIVE_INFINITY } = fault;
    const start = <V>(value: V) => [{ atMs: startMs, value }];
    const called = components.filter(({ id }) => links.some(({ to }) => to === id));
    for (const component of called) {
      if (trigger === "outage") planner.hold(slotsOf(component), start(0), endOf(fault));
      if (trigger === "errors") planner.hold(errorsOf(component), start({ ratio: 1, isRetryable: true }), endOf(fault));
    }
    const { jitter } = fault;
    const given = [fault.retries, fault.backoffMs, fault.keepsBudget, jitter];
    if (given.every((value) => value === undefined)) return;
    for (const link of links) {
      const { retries = link.retries, backoffMs = link.retryBackoffMs, keepsBudget = true } = fault;
      const policy = { retries, backoffMs, keepsBudget, ...(jitter === undefined ? {} : { jitter }) };
      planner.hold(retriesOf(link), start(policy), startMs + policyMs);
    }
  },
};
