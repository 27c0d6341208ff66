/** Faults of what is remembered: caches, names, configuration. */
import type { OptionIssue } from "../../option-issues.ts";
import { RandomStream } from "../../random.ts";
import { endOf, type FaultFamily, longestMs, shareRule } from "../family.ts";
import type { CacheFlushFault, ConfigPushFault } from "../fault.ts";
import type { FaultPlanner } from "../plan.ts";
import { cutOf, downOf, hitsOf } from "../settings.ts";
import type { Targets } from "../targets.ts";

const refillSteps = 10;
/** How often a cache that is to stay empty is emptied: short beside any time that matters to it. */
const emptyingMs = 100;
const mostEmptyings = 100_000;

export const cacheFlush: FaultFamily<CacheFlushFault> = {
  kind: "cache_flush",
  title: "Cache flush",
  targets: ["component"],
  isMomentary: true,
  numbers: { refillMs: { minimum: 0, maximum: longestMs } },
  check: ({ durationMs, refillMs = 0 }, { components }) => {
    const issues: OptionIssue[] = [];
    for (const { id, kind, cache } of components) {
      if (kind !== "cache") issues.push({ field: "on", message: `on names "${id}", a ${kind}; allowed are caches` });
      else if (cache === undefined && durationMs + refillMs === 0) {
        issues.push({
          field: "durationMs",
          message: `durationMs is 0; "${id}" has a fixed hit ratio and needs it or refillMs above 0`,
        });
      }
    }
    if (durationMs > mostEmptyings * emptyingMs) {
      issues.push({
        field: "durationMs",
        message: `durationMs is ${durationMs}; allowed is at most ${mostEmptyings * emptyingMs}`,
      });
    }
    return issues;
  },
  plan: (fault, { components }, planner) => {
    const { startMs, refillMs = 0 } = fault;
    for (const component of components) {
      if (component.cache !== undefined) {
        for (let atMs = startMs; atMs === startMs || atMs < endOf(fault); atMs += emptyingMs) {
          planner.once(atMs, { kind: "flush", component: component.id });
        }
        continue;
      }
      const refill = Array.from({ length: refillMs === 0 ? 0 : refillSteps - 1 }, (_, step) => ({
        atMs: endOf(fault) + (refillMs * (step + 1)) / refillSteps,
        value: (step + 1) / refillSteps,
      }));
      planner.hold(hitsOf(component), [{ atMs: startMs, value: 0 }, ...refill], endOf(fault) + refillMs);
    }
  },
};

const defaultLookupMs = 1000;
const mostLookups = 10_000;

export const configPush: FaultFamily<ConfigPushFault> = {
  kind: "config_push",
  title: "Clock, names or configuration",
  targets: ["link", "component"],
  numbers: { ratio: shareRule, everyMs: { minimum: 1, maximum: longestMs } },
  choices: { effect: ["lookup_failures", "synchronised_expiry", "rolling_restart"] },
  check: (fault, { links, components }) => {
    const { effect, durationMs, everyMs = defaultLookupMs } = fault;
    const refuse = (message: string): OptionIssue[] => [{ field: "on", message: `on ${message}` }];
    if (effect === undefined) {
      return [
        {
          field: "effect",
          message: "effect is missing; allowed are lookup_failures, synchronised_expiry, rolling_restart",
        },
      ];
    }
    if (durationMs / everyMs > mostLookups) {
      return [{ field: "everyMs", message: `everyMs is ${everyMs}; allowed is at least ${durationMs / mostLookups}` }];
    }
    if (effect === "lookup_failures") {
      return components.length > 0 ? refuse(`names "${components[0]?.id}"; lookups fail on links (link:id)`) : [];
    }
    if (links.length > 0) return refuse(`names link "${links[0]?.id}"; allowed are components`);
    const other = components.find(({ cache }) => cache === undefined);
    if (effect === "rolling_restart" || other === undefined) return [];
    return refuse(`names "${other.id}", which is no cache with keys`);
  },
  plan: (fault, targets, planner) => {
    if (fault.effect === "lookup_failures") planLookups(fault, targets, planner);
    else if (fault.effect === "synchronised_expiry") planExpiry(fault, targets, planner);
    else planRestarts(fault, targets, planner);
  },
};

/** Each link looks its name up by itself; what was found is kept until the next lookup. */
function planLookups(fault: ConfigPushFault, { links }: Targets, planner: FaultPlanner): void {
  const { startMs, ratio = 1, everyMs = defaultLookupMs, seed = 1 } = fault;
  for (const link of links) {
    const stream = new RandomStream(seed, `chaos/lookup/${link.id}`);
    for (let atMs = startMs; atMs < endOf(fault); atMs += everyMs) {
      if (!stream.chance(ratio)) continue;
      planner.hold(cutOf(link), [{ atMs, value: "reset" }], Math.min(atMs + everyMs, endOf(fault)));
    }
  }
}

function planExpiry(
  { startMs, durationMs, everyMs }: ConfigPushFault,
  { components }: Targets,
  planner: FaultPlanner,
): void {
  for (const { id } of components) {
    for (
      let atMs = startMs;
      atMs === startMs || (everyMs !== undefined && atMs < startMs + durationMs);
      atMs += everyMs ?? 1
    ) {
      planner.once(atMs, { kind: "flush", component: id });
    }
  }
}

/** Each instance ends what it has, and is away for its part of the duration. */
function planRestarts(fault: ConfigPushFault, { components }: Targets, planner: FaultPlanner): void {
  for (const component of components) {
    const partMs = fault.durationMs / component.instances;
    for (let instance = 0; instance < component.instances; instance++) {
      const atMs = fault.startMs + partMs * instance;
      planner.hold(
        downOf(component, instance),
        [{ atMs, value: { inFlight: "finish", isNoticed: true } }],
        atMs + partMs,
      );
    }
  }
}
