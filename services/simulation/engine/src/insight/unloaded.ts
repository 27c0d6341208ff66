/**
 * What a request needs when nobody waits, gives up or tries again: how often it visits each component, for how long each
 * visit holds a slot, and when the answer is back. It is the balance of the analytic model (operating-point.ts) at a rate of
 * almost nothing, so calls, hits and errors count as they do there.
 */
import { lruHitRatio, zipfPopularity } from "../analytic/cache.ts";
import { settle } from "../analytic/operating-point.ts";
import { withMixedWork } from "../analytic/work-mix.ts";
import type { Model, ModelComponent, ModelLink, ModelWorkload } from "../model.ts";

/** So rare that no two requests meet; the rates of the balance are divided by it again. */
const rarePerSecond = 1e-9;
/** A cache of more keys is taken for a smaller one of the same shape, as in the analytic layer. */
const mostCacheKeys = 100_000;

export interface Unloaded {
  /** By component: visits per request, first attempts only. */
  readonly visits: Float64Array;
  /** By component: how long one visit holds a slot. */
  readonly holdMs: Float64Array;
  /** From the client's request to its answer. */
  readonly responseMs: number;
}

/** Of one request of this workload. `model` should have its hit ratios (`withHitRatios`). */
export function unloadedRequest(model: Model, workload: ModelWorkload): Unloaded {
  const { workFactor, priority, writeShare } = workload;
  const own = { factor: workFactor, factorSquare: workFactor ** 2, writeShare };
  const mix = { ...own, classes: [{ priority, share: 1, factor: workFactor, factorSquare: workFactor ** 2 }] };
  const mixes = model.components.map(() => mix);
  const { components } = settle(withoutRetries(withMixedWork(model, mixes)), {
    mixes,
    ratesPerSecond: model.workloads.map(({ index }) => (index === workload.index ? rarePerSecond : 0)),
    arrivalScvs: model.workloads.map(() => 1),
    callersOfClient: new Map([[workload.client, Number.POSITIVE_INFINITY]]),
  });
  return {
    visits: Float64Array.from(components, ({ arrivalsPerSecond }) => arrivalsPerSecond / rarePerSecond),
    holdMs: Float64Array.from(components, ({ hold }) => hold.meanMs),
    responseMs: components[workload.client]?.inside.meanMs ?? 0,
  };
}

function withoutRetries(model: Model): Model {
  const patient = (link: ModelLink): ModelLink => ({ ...link, timeoutMs: 0, retries: 0 });
  const components = model.components.map((component) => ({ ...component, links: component.links.map(patient) }));
  return { ...model, components, links: model.links.map(patient) };
}

/** Caches with keys get the share of hits of a warm LRU cache; everything else stays as it is. */
export function withHitRatios(model: Model): Model {
  if (model.components.every(({ cache }) => cache === undefined)) return model;
  return { ...model, components: model.components.map(withHitRatio) };
}

function withHitRatio(component: ModelComponent): ModelComponent {
  const { cache } = component;
  if (cache === undefined) return component;
  const keys = Math.min(cache.keys, mostCacheKeys);
  const capacity = Math.max(1, Math.round((cache.capacity * keys) / cache.keys));
  return { ...component, hitRatio: lruHitRatio(zipfPopularity(keys, cache.skew), capacity) };
}
