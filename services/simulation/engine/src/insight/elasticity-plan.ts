/**
 * The small changes whose worth is to be measured: every component but the clients a little faster, with one more instance,
 * with one more slot per instance, with one more core where cores are shared, with one more connection where callers have
 * pools, and every cache with a little more luck or room.
 *
 * Planning and judging are apart so that the caller runs the variants wherever and as parallel as it likes: each is a whole
 * architecture, to be run with the seeds, length and load of the base runs. Ids stay as they are, so all of them draw the
 * same luck (random.ts), and what differs is the change.
 */
import type { Architecture, Component, Distribution } from "../architecture.ts";
import { ModelError, type ModelIssue } from "../model-error.ts";
import { number, percent } from "./wording.ts";

export const elasticityChanges = ["speed", "instance", "slot", "core", "connection", "hits", "capacity"] as const;
/** The steps in a word or two, where there is no room for the sentence. */
export const elasticityNames: { readonly [Change in ElasticityChange]: string } = {
  speed: "faster work",
  instance: "1 more instance",
  slot: "1 more slot",
  core: "1 more core",
  connection: "1 more connection",
  hits: "more hits",
  capacity: "more room",
};
export type ElasticityChange = (typeof elasticityChanges)[number];

/** What one step of each change costs at a component, above 0, in any currency; a change without a price has none. */
export type ElasticityPrices = { readonly [Change in ElasticityChange]?: number };

export interface ElasticityOptions {
  /** By component id; "instance" is the price of one instance. */
  readonly prices?: Readonly<Record<string, ElasticityPrices>>;
  /** 0.05: five percent faster. 0.001 to 1; a small one measures the slope, a large one what a purchase does. */
  readonly speedStep?: number;
  /** Only these components, and only these changes; all by default. */
  readonly components?: readonly string[];
  readonly changes?: readonly ElasticityChange[];
}

export interface ElasticityVariant {
  /** component/change */
  readonly id: string;
  readonly component: string;
  readonly change: ElasticityChange;
  readonly sentence: string;
  readonly architecture: Architecture;
  /** What the component can do ÷ what it could before; absent for caches' hits and capacity. */
  readonly capacityRatio?: number;
  /** Absent when none was given. */
  readonly price?: number;
}

const defaultSpeedStep = 0.05;
const hitStep = 0.05;
const capacityStep = 0.25;
const mostInstances = 1000;
const mostSlots = 10_000;
const mostCores = 1000;
const mostConnections = 10_000;
const mostCacheEntries = 10_000_000;

type Planned = Pick<ElasticityVariant, "sentence" | "capacityRatio"> & {
  readonly component: Component;
  readonly links?: Architecture["links"];
};

/** Changes that do nothing or would be refused are left out. Throws ModelError for options that make no sense. Pure. */
export function planElasticity(architecture: Architecture, options: ElasticityOptions = {}): ElasticityVariant[] {
  const issues = optionIssues(architecture, options);
  if (issues.length > 0) throw new ModelError(issues);
  const { prices = {}, speedStep = defaultSpeedStep, changes = elasticityChanges } = options;
  const variants: ElasticityVariant[] = [];
  for (const component of architecture.components) {
    if (component.kind === "client" || options.components?.includes(component.id) === false) continue;
    for (const change of elasticityChanges) {
      if (!changes.includes(change)) continue;
      const planned =
        change === "connection"
          ? planConnections(component, architecture.links)
          : planChange(component, change, speedStep);
      if (planned === undefined) continue;
      const components = architecture.components.map((one) => (one.id === component.id ? planned.component : one));
      const price = prices[component.id]?.[change];
      variants.push({
        id: `${component.id}/${change}`,
        component: component.id,
        change,
        sentence: planned.sentence,
        architecture: { ...architecture, components, links: planned.links ?? architecture.links },
        ...(planned.capacityRatio === undefined ? {} : { capacityRatio: planned.capacityRatio }),
        ...(price === undefined ? {} : { price }),
      });
    }
  }
  return variants;
}

/** One more connection of every calling instance, in every pool of calls to it. */
function planConnections(component: Component, links: Architecture["links"]): Planned | undefined {
  const pools = links.filter(({ to, maxConnections = 0 }) => {
    return to === component.id && maxConnections > 0 && maxConnections < mostConnections;
  });
  const [first] = pools;
  if (first?.maxConnections === undefined) return undefined;
  const counts = pools.map(({ maxConnections = 0 }) => `${maxConnections + 1} instead of ${maxConnections}`);
  return {
    sentence: `1 more connection per calling instance to ${component.name} (${counts.join(", ")})`,
    ...(pools.length === 1 ? { capacityRatio: (first.maxConnections + 1) / first.maxConnections } : {}),
    component,
    links: links.map((link) =>
      pools.includes(link) ? { ...link, maxConnections: (link.maxConnections ?? 0) + 1 } : link,
    ),
  };
}

function planChange(
  component: Component,
  change: Exclude<ElasticityChange, "connection">,
  speedStep: number,
): Planned | undefined {
  const { name, kind, instances, concurrency, serviceTime, hitRatio, cache, cpus, autoscaler } = component;
  const areCoresShared = cpus !== undefined && cpus < concurrency;
  switch (change) {
    case "speed": {
      const faster = scaled(serviceTime, 1 / (1 + speedStep));
      if (faster === undefined) return undefined;
      const sentence = `${name} ${percent(speedStep)} faster`;
      return { sentence, capacityRatio: 1 + speedStep, component: { ...component, serviceTime: faster } };
    }
    case "instance": {
      const more = instances + 1;
      if (more > mostInstances || (cache !== undefined && more * cache.capacity > mostCacheEntries)) return undefined;
      const sentence = `1 more instance of ${name} (${more} instead of ${instances})`;
      const scaler = autoscaler && {
        ...autoscaler,
        minInstances: Math.min(autoscaler.minInstances + 1, mostInstances),
        maxInstances: Math.min(autoscaler.maxInstances + 1, mostInstances),
      };
      const changed = { ...component, instances: more, ...(scaler === undefined ? {} : { autoscaler: scaler }) };
      return { sentence, capacityRatio: more / instances, component: changed };
    }
    case "slot": {
      const more = concurrency + 1;
      if (more > mostSlots) return undefined;
      const sentence = `1 more slot per instance of ${name} (${more} instead of ${concurrency})`;
      // What shared cores can do does not depend on the slots.
      const ratio = areCoresShared ? {} : { capacityRatio: more / concurrency };
      return { sentence, ...ratio, component: { ...component, concurrency: more } };
    }
    case "core": {
      if (!areCoresShared || cpus + 1 > mostCores) return undefined;
      const more = cpus + 1;
      const sentence = `1 more core per instance of ${name} (${number(more)} instead of ${number(cpus)})`;
      return { sentence, capacityRatio: Math.min(more, concurrency) / cpus, component: { ...component, cpus: more } };
    }
    case "hits": {
      if (kind !== "cache" || cache !== undefined || hitRatio >= 1) return undefined;
      const better = Math.min(1, hitRatio + hitStep);
      const sentence = `a hit ratio of ${number(better)} instead of ${number(hitRatio)} at ${name}`;
      return { sentence, component: { ...component, hitRatio: better } };
    }
    case "capacity": {
      if (kind !== "cache" || cache === undefined || cache.capacity >= cache.keys) return undefined;
      const most = Math.min(cache.keys, Math.floor(mostCacheEntries / instances));
      const capacity = Math.min(most, Math.ceil(cache.capacity * (1 + capacityStep)));
      if (capacity <= cache.capacity) return undefined;
      const sentence = `room for ${capacity} keys instead of ${cache.capacity} per instance of ${name}`;
      return { sentence, component: { ...component, cache: { ...cache, capacity } } };
    }
  }
}

/** The same shape, shorter; undefined when there is nothing to shorten. */
function scaled(distribution: Distribution, factor: number): Distribution | undefined {
  const { kind, meanMs, maxMs, points } = distribution;
  if (kind === "empirical") {
    if (points === undefined) return undefined;
    return { ...distribution, points: points.map((point) => ({ ...point, upToMs: point.upToMs * factor })) };
  }
  if (meanMs === 0) return undefined;
  return { ...distribution, meanMs: meanMs * factor, ...(maxMs === undefined ? {} : { maxMs: maxMs * factor }) };
}

function optionIssues({ components }: Architecture, options: ElasticityOptions): ModelIssue[] {
  const { prices = {}, speedStep = defaultSpeedStep } = options;
  const issues: ModelIssue[] = [];
  const ids = new Set(components.map(({ id }) => id));
  for (const id of new Set([...Object.keys(prices), ...(options.components ?? [])])) {
    if (ids.has(id)) continue;
    issues.push({ component: id, field: "id", message: `elasticity: the architecture has no component "${id}"` });
  }
  for (const [id, ofComponent] of Object.entries(prices)) {
    for (const [change, price] of Object.entries(ofComponent)) {
      if (price > 0 && price < Number.POSITIVE_INFINITY) continue;
      const field = `prices.${change}`;
      const message = `component "${id}": ${field} is ${price}; allowed is a number above 0`;
      issues.push({ component: id, field, message });
    }
  }
  if (!(speedStep >= 0.001 && speedStep <= 1)) {
    issues.push({ field: "speedStep", message: `speedStep is ${speedStep}; allowed is 0.001 to 1` });
  }
  return issues;
}
