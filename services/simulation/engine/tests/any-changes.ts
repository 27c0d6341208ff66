/*
 * Changes to a running system for property tests: any kind, at any time of the run, to whatever the architecture has that the
 * kind fits.
 */
import fc from "fast-check";
import type { Architecture } from "../src/architecture.ts";
import type { Change, PlannedChange } from "../src/changes.ts";
import { type ErrorCode, errorCodes } from "../src/error-codes.ts";
import { exponential } from "../src/scenario.ts";

const kinds = [
  ...(["load", "workload", "burst", "work", "errors", "down", "up", "pause", "slots", "hits", "flush"] as const),
  ...(["rate_limit", "delay", "loss", "cut", "bandwidth", "retries", "breaker", "connections"] as const),
  ...(["keys", "sessions", "hedge"] as const),
] satisfies Change["kind"][];

const draft = fc.record({
  kind: fc.constantFrom<(typeof kinds)[number][]>(...kinds),
  atMs: fc.integer({ min: 0, max: 1450 }),
  which: fc.nat(11),
  /** How strong: 0 takes everything away, 1 some, 2 gives back. */
  level: fc.constantFrom(0, 1, 2),
  isAll: fc.boolean(),
});

type Draft = typeof draft extends fc.Arbitrary<infer Value> ? Value : never;

/** Up to so many changes that fit the architecture, in order of time. */
export function anyChanges(architecture: Architecture, atMost: number): fc.Arbitrary<PlannedChange[]> {
  return fc.array(draft, { maxLength: atMost }).map((drafts) =>
    drafts
      .flatMap((one) => {
        const change = changeOf(one, architecture);
        return change === undefined ? [] : [{ atMs: one.atMs, change }];
      })
      .sort((a, b) => a.atMs - b.atMs),
  );
}

/** `undefined` when the architecture has nothing that it could change. */
function changeOf({ kind, which, level, isAll }: Draft, architecture: Architecture): Change | undefined {
  const { components, links, workloads } = architecture;
  const pick = <Item>(items: readonly Item[]): Item | undefined => items[which % Math.max(1, items.length)];
  const scale = [0, 0.4, 1][level] as number;
  const workload = pick(workloads)?.id as string;
  const station = pick(components.slice(1)) as Architecture["components"][number];
  const link = pick(links)?.id as string;
  const component = station.id;
  const number = which % station.instances;
  const instances = isAll ? Array.from({ length: station.instances }, (_, each) => each) : [number];
  switch (kind) {
    case "load":
      return { kind, load: [0, 3, 1][level] as number };
    case "workload":
      return { kind, workload, factor: [0, 3, 1][level] as number };
    case "burst":
      return { kind, workload, requests: [1, 5, 40][level] as number };
    case "work":
      return { kind, component, factor: [0, 4, 1][level] as number, ...(!isAll && { instance: number }) };
    case "errors":
      return {
        kind,
        component,
        ratio: scale,
        ...(isAll && { code: errorCodes[which % 8 === 0 ? 13 : which] as ErrorCode }),
      };
    case "down":
      return { kind, component, instances, inFlight: level === 0 ? "fail" : "finish", isNoticed: which % 2 === 0 };
    case "up":
      return { kind, component, instances };
    case "pause":
      return { kind, component, lengthMs: [0, 30, 300][level] as number, ...(!isAll && { instance: number }) };
    case "slots":
      return { kind, component, slots: [0, 1, 6][level] as number };
    case "hits": {
      const cache = pick(components.filter(({ kind: one, cache }) => one === "cache" && cache === undefined));
      return cache && { kind, component: cache.id, factor: scale };
    }
    case "flush": {
      const cache = pick(components.filter((one) => one.cache !== undefined));
      return cache && { kind, component: cache.id };
    }
    case "keys": {
      const cache = pick(components.filter((one) => one.cache !== undefined));
      return cache && { kind, component: cache.id, ...(!isAll && { skew: level }), hotShare: 1 - scale };
    }
    case "sessions": {
      const areHashed = components.some(({ balancing }) => balancing === "consistent_hash");
      return areHashed ? { kind, workload, ...(!isAll && { skew: level }), hotShare: 1 - scale } : undefined;
    }
    case "hedge":
      return { kind, link, afterMs: [20, 5, 0][level] as number };
    case "rate_limit": {
      const limited = pick(components.filter(({ rateLimit }) => rateLimit !== undefined));
      return limited && { kind, component: limited.id, factor: scale };
    }
    case "delay":
      return { kind, link, extra: exponential(20), share: scale };
    case "loss":
      return { kind, link, ratio: 1 - scale };
    case "cut":
      return { kind, link, how: (["silent", "reset", "none"] as const)[level] as "silent" | "reset" | "none" };
    case "bandwidth":
      return { kind, link, factor: [0.1, 0.3, 1][level] as number };
    case "retries":
      return { kind, link, retries: level, backoffMs: 5 * level, keepsBudget: isAll };
    case "breaker":
      return level === 0 ? { kind, link } : { kind, link, breaker: { failures: level, openMs: 30 } };
    case "connections": {
      const pooled = pick(links.filter(({ maxConnections = 0 }) => maxConnections > 0));
      return pooled && { kind, link: pooled.id, connections: level };
    }
  }
}
