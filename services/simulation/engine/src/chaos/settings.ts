/**
 * What faults set: each setting with its value when nothing is wrong, what it is when several faults want it at once, and
 * the change that sets it.
 *
 * Factors multiply, chances of failing happen independently of each other, of what is left the least counts. Where no such
 * rule makes sense (two delays, two retry policies) a combination is refused. `normal` takes part in no combination: it is
 * the value when no fault holds the setting.
 */
import type { Breaker, Component, Distribution, Link } from "../architecture.ts";
import type { Change } from "../changes.ts";
import { type ErrorCode, isRetryableByDefault, usualCode } from "../error-codes.ts";

export interface Setting<V> {
  /** The same for the same setting, whoever holds it. */
  readonly key: string;
  /** In a sentence. */
  readonly name: string;
  readonly normal: V;
  /** Of one value or more; undefined when they cannot be combined. */
  combine(values: readonly V[]): V | undefined;
  change(value: V): Change;
}

const product = (values: readonly number[]) => values.reduce((all, value) => all * value, 1);
const least = (values: readonly number[]) => Math.min(...values);
const onlyOne = <V>(values: readonly V[]) => (values.length === 1 ? values[0] : undefined);

/** The share that at least one of the causes hits, rounded where doubles would show their last digits. */
function either(base: number): (values: readonly number[]) => number {
  return (values) => Number((1 - (1 - base) * product(values.map((value) => 1 - value))).toPrecision(12));
}

/** Own work of one instance; all of a component are written as one change where they agree (plan.ts). */
export function workOf({ id }: Component, instance: number): Setting<number> {
  return {
    key: `work ${id} ${instance}`,
    name: `the speed of "${id}"`,
    normal: 1,
    combine: product,
    change: (factor) => ({ kind: "work", component: id, instance, factor }),
  };
}

export interface Errors {
  readonly ratio: number;
  readonly isRetryable: boolean;
}

/** Errors of one code; those of different codes happen beside each other. Whether they can be tried again is one answer. */
export function errorsOf({ id, errorRatio }: Component, code: ErrorCode = usualCode): Setting<Errors> {
  const isUsual = code === usualCode;
  const ownRatio = isUsual ? errorRatio : 0;
  const isRetryableAnyway = isRetryableByDefault(code);
  return {
    key: `errors ${id} ${code}`,
    name: isUsual ? `the errors of "${id}"` : `the errors "${code}" of "${id}"`,
    normal: { ratio: ownRatio, isRetryable: isRetryableAnyway },
    combine: (values) => {
      const [{ isRetryable } = { isRetryable: isRetryableAnyway }] = values;
      if (values.some((value) => value.isRetryable !== isRetryable)) return undefined;
      return { ratio: either(ownRatio)(values.map(({ ratio }) => ratio)), isRetryable };
    },
    change: ({ ratio, isRetryable }) => ({
      kind: "errors",
      component: id,
      ratio,
      ...(isUsual ? {} : { code }),
      ...(isRetryable === isRetryableAnyway ? {} : { isRetryable }),
    }),
  };
}

export interface Down {
  readonly inFlight: "fail" | "finish";
  readonly isNoticed: boolean;
}

/** Undefined: up. */
export function downOf({ id }: Component, instance: number): Setting<Down | undefined> {
  return {
    key: `down ${id} ${instance}`,
    name: `whether "${id}" is up`,
    normal: undefined,
    combine: ([first]) => first,
    change: (down) =>
      down === undefined
        ? { kind: "up", component: id, instances: [instance] }
        : { kind: "down", component: id, instances: [instance], ...down },
  };
}

export function slotsOf({ id, concurrency }: Component): Setting<number> {
  return {
    key: `slots ${id}`,
    name: `the slots of "${id}"`,
    normal: concurrency,
    combine: least,
    change: (slots) => ({ kind: "slots", component: id, slots }),
  };
}

export function hitsOf({ id }: Component): Setting<number> {
  return {
    key: `hits ${id}`,
    name: `the hit ratio of "${id}"`,
    normal: 1,
    combine: product,
    change: (factor) => ({ kind: "hits", component: id, factor }),
  };
}

export interface RateLimitPart {
  readonly factor: number;
  /** The limit's own when absent. */
  readonly burst?: number | undefined;
}

export function rateLimitOf({ id }: Component): Setting<RateLimitPart> {
  return {
    key: `rate_limit ${id}`,
    name: `the rate limit of "${id}"`,
    normal: { factor: 1 },
    combine: (values) => {
      const bursts = values.flatMap(({ burst }) => (burst === undefined ? [] : [burst]));
      const factor = product(values.map((value) => value.factor));
      return { factor, ...(bursts.length === 0 ? {} : { burst: least(bursts) }) };
    },
    change: ({ factor, burst }) => ({
      kind: "rate_limit",
      component: id,
      factor,
      ...(burst === undefined ? {} : { burst }),
    }),
  };
}

/** How wanted keys or sessions are. */
export interface Popularity {
  /** The architecture's when absent. */
  readonly skew?: number | undefined;
  readonly hotShare: number;
}

export function keysOf({ id }: Component): Setting<Popularity> {
  return {
    key: `keys ${id}`,
    name: `the skew of the keys of "${id}"`,
    ...popularity,
    change: (shift) => ({ kind: "keys", component: id, ...shiftFields(shift) }),
  };
}

export function sessionsOf(workload: string): Setting<Popularity> {
  return {
    key: `sessions ${workload}`,
    name: `the skew of the sessions of "${workload}"`,
    ...popularity,
    change: (shift) => ({ kind: "sessions", workload, ...shiftFields(shift) }),
  };
}

/** The hot key is the same one for everybody, so its shares are joined; two skews are not one. */
const popularity: Pick<Setting<Popularity>, "normal" | "combine"> = {
  normal: { hotShare: 0 },
  combine: (values) => {
    const skews = new Set(values.flatMap(({ skew }) => (skew === undefined ? [] : [skew])));
    if (skews.size > 1) return undefined;
    const [skew] = skews;
    return { skew, hotShare: either(0)(values.map(({ hotShare }) => hotShare)) };
  },
};

function shiftFields({ skew, hotShare }: Popularity): { skew?: number; hotShare?: number } {
  return { ...(skew === undefined ? {} : { skew }), ...(hotShare === 0 ? {} : { hotShare }) };
}

export function loadOf(workload: string): Setting<number> {
  return {
    key: `workload ${workload}`,
    name: `the load of "${workload}"`,
    normal: 1,
    combine: product,
    change: (factor) => ({ kind: "workload", workload, factor }),
  };
}

export interface Delay {
  readonly extra: Distribution;
  readonly share: number;
}

export function delayOf({ id }: Link): Setting<Delay> {
  return {
    key: `delay ${id}`,
    name: `the delay of link "${id}"`,
    normal: { extra: { kind: "constant", meanMs: 0, cv: 0 }, share: 0 },
    combine: onlyOne,
    change: ({ extra, share }) => ({ kind: "delay", link: id, extra, share }),
  };
}

export interface Losses {
  readonly ratio: number;
  /** The link's own when absent. */
  readonly retransmitMs?: number | undefined;
}

/** Of two retransmission times the longer counts. */
export function lossOf({ id, lossRatio = 0 }: Link): Setting<Losses> {
  return {
    key: `loss ${id}`,
    name: `the losses of link "${id}"`,
    normal: { ratio: lossRatio },
    combine: (values) => {
      const times = values.flatMap(({ retransmitMs }) => (retransmitMs === undefined ? [] : [retransmitMs]));
      const ratio = either(lossRatio)(values.map((value) => value.ratio));
      return { ratio, ...(times.length === 0 ? {} : { retransmitMs: Math.max(...times) }) };
    },
    change: ({ ratio, retransmitMs }) => ({
      kind: "loss",
      link: id,
      ratio,
      ...(retransmitMs === undefined ? {} : { retransmitMs }),
    }),
  };
}

export function bandwidthOf({ id }: Link): Setting<number> {
  return {
    key: `bandwidth ${id}`,
    name: `the bandwidth of link "${id}"`,
    normal: 1,
    combine: product,
    change: (factor) => ({ kind: "bandwidth", link: id, factor }),
  };
}

/** Who hears nothing does not hear of a reset either. */
export function cutOf({ id }: Link): Setting<"none" | "silent" | "reset"> {
  return {
    key: `cut ${id}`,
    name: `whether link "${id}" is cut`,
    normal: "none",
    combine: (values) => (values.includes("silent") ? "silent" : "reset"),
    change: (how) => ({ kind: "cut", link: id, how }),
  };
}

export interface RetryPolicy {
  readonly retries: number;
  readonly backoffMs: number;
  readonly keepsBudget: boolean;
  /** The link's own when absent. */
  readonly jitter?: "full" | "none";
}

export function retriesOf({ id, retries, retryBackoffMs }: Link): Setting<RetryPolicy> {
  return {
    key: `retries ${id}`,
    name: `the retries of link "${id}"`,
    normal: { retries, backoffMs: retryBackoffMs, keepsBudget: true },
    combine: onlyOne,
    change: (policy) => ({ kind: "retries", link: id, ...policy }),
  };
}

/** In ms; 0 for no hedge. */
export function hedgeOf({ id, hedgeAfterMs = 0 }: Link): Setting<number> {
  return {
    key: `hedge ${id}`,
    name: `the hedges of link "${id}"`,
    normal: hedgeAfterMs,
    combine: onlyOne,
    change: (afterMs) => ({ kind: "hedge", link: id, afterMs }),
  };
}

export function breakerOf({ id, breaker }: Link): Setting<Breaker | undefined> {
  return {
    key: `breaker ${id}`,
    name: `the breaker of link "${id}"`,
    normal: breaker,
    combine: onlyOne,
    change: (given) => ({ kind: "breaker", link: id, ...(given === undefined ? {} : { breaker: given }) }),
  };
}

export function connectionsOf({ id, maxConnections = 0 }: Link): Setting<number> {
  return {
    key: `connections ${id}`,
    name: `the connections of link "${id}"`,
    normal: maxConnections,
    combine: least,
    change: (connections) => ({ kind: "connections", link: id, connections }),
  };
}
