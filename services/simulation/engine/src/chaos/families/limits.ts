/** Faults of what is limited: pools, consumers, rates, breakers. */
import type { Link } from "../../architecture.ts";
import type { OptionIssue } from "../../option-issues.ts";
import { endOf, type FaultFamily, partOfFactor, ramped, shareRule } from "../family.ts";
import type { BreakerFault, PoolExhaustionFault, QueueBacklogFault, RateLimitFault } from "../fault.ts";
import type { Step } from "../plan.ts";
import { breakerOf, connectionsOf, errorsOf, rateLimitOf, retriesOf, slotsOf } from "../settings.ts";

export const poolExhaustion: FaultFamily<PoolExhaustionFault> = {
  kind: "pool_exhaustion",
  title: "Pool exhaustion",
  targets: ["link", "component"],
  numbers: {
    leakPerSecond: { minimum: 0, maximum: 1_000_000, isAbove: true, isRequired: true },
    leaves: { minimum: 0, maximum: 10_000, isWhole: true },
  },
  check: ({ leaves = 1 }, { links }) => {
    const issues = links.flatMap(withoutPool);
    // A change of 0 connections would mean no limit.
    if (links.length > 0 && leaves === 0)
      issues.push({ field: "leaves", message: "leaves is 0; of connections allowed is from 1" });
    return issues;
  },
  plan: (fault, { links, components }, planner) => {
    const { leaves = 1 } = fault;
    for (const link of links) {
      const steps = leak(fault, link.maxConnections ?? 0, leaves);
      if (steps.length > 0) planner.hold(connectionsOf(link), steps, endOf(fault));
    }
    for (const component of components) {
      const steps = leak(fault, component.concurrency, leaves);
      if (steps.length > 0) planner.hold(slotsOf(component), steps, endOf(fault));
    }
  },
};

/** One less at a time. */
function leak(
  { startMs, durationMs, leakPerSecond }: PoolExhaustionFault,
  from: number,
  leaves: number,
): Step<number>[] {
  const steps: Step<number>[] = [];
  for (let lost = 1; from - lost >= leaves && (lost * 1000) / leakPerSecond < durationMs; lost++) {
    steps.push({ atMs: startMs + (lost * 1000) / leakPerSecond, value: from - lost });
  }
  return steps;
}

function withoutPool({ id, maxConnections = 0 }: Link): OptionIssue[] {
  if (maxConnections > 0) return [];
  return [{ field: "on", message: `on names link "${id}", which has no limit of connections (maxConnections)` }];
}

export const queueBacklog: FaultFamily<QueueBacklogFault> = {
  kind: "queue_backlog",
  title: "Queue backlog",
  targets: ["component"],
  hasRamp: true,
  numbers: {
    poisonRatio: shareRule,
    consumersLeft: { ...shareRule, isAbove: true },
    redeliveries: { minimum: 0, maximum: 100, isWhole: true },
  },
  check: ({ poisonRatio, consumersLeft }, { components }) => {
    const issues = components
      .filter(({ kind }) => kind !== "queue")
      .map(({ id, kind }) => ({ field: "on", message: `on names "${id}", a ${kind}; allowed are queues` }));
    if (poisonRatio === undefined && consumersLeft === undefined) {
      issues.push({ field: "poisonRatio", message: "neither poisonRatio nor consumersLeft is given; one is needed" });
    }
    return issues;
  },
  plan: (fault, { components }, planner, architecture) => {
    const { poisonRatio, consumersLeft, redeliveries } = fault;
    const deliveries = architecture.links.filter(({ from }) => components.some(({ id }) => id === from));
    for (const consumer of architecture.components.filter(({ id }) => deliveries.some(({ to }) => to === id))) {
      if (poisonRatio === undefined) break;
      planner.hold(
        errorsOf(consumer),
        ramped(fault, (part) => ({ ratio: poisonRatio * part, isRetryable: true })),
        endOf(fault),
      );
    }
    for (const link of deliveries) {
      if (redeliveries !== undefined) {
        const value = { retries: redeliveries, backoffMs: link.retryBackoffMs, keepsBudget: true };
        planner.hold(retriesOf(link), [{ atMs: fault.startMs, value }], endOf(fault));
      }
      const all = link.maxConnections ?? 0;
      if (consumersLeft === undefined || all === 0) continue;
      const left = (part: number) => Math.max(1, Math.round(all * partOfFactor(consumersLeft)(part)));
      planner.hold(connectionsOf(link), ramped(fault, left), endOf(fault));
    }
  },
};

export const rateLimit: FaultFamily<RateLimitFault> = {
  kind: "rate_limit",
  title: "Rate limit",
  targets: ["component"],
  hasRamp: true,
  numbers: {
    factor: { minimum: 0, maximum: 10_000, isRequired: true },
    burst: { minimum: 1, maximum: 10_000_000 },
  },
  check: (_, { components }) =>
    components
      .filter((component) => component.rateLimit === undefined)
      .map(({ id }) => ({ field: "on", message: `on names "${id}", which has no rate limit` })),
  plan: (fault, { components }, planner) => {
    const { factor, burst } = fault;
    for (const component of components) {
      const steps = ramped(fault, (part) => ({ factor: partOfFactor(factor)(part), burst }));
      planner.hold(rateLimitOf(component), steps, endOf(fault));
    }
  },
};

const defaultOpenMs = 1000;

export const breaker: FaultFamily<BreakerFault> = {
  kind: "breaker",
  title: "Breaker misconfiguration",
  targets: ["link"],
  numbers: {
    failures: { minimum: 1, maximum: 1000, isWhole: true },
    openMs: { minimum: 0, maximum: 86_400_000 },
    probes: { minimum: 1, maximum: 1000, isWhole: true },
  },
  plan: (fault, { links }, planner) => {
    const { failures, openMs = defaultOpenMs, probes = 1 } = fault;
    const value = failures === undefined ? undefined : { failures, openMs, probes };
    for (const link of links) planner.hold(breakerOf(link), [{ atMs: fault.startMs, value }], endOf(fault));
  },
};
