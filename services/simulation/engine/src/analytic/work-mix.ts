/**
 * Whose requests reach a component: workloads differ in how much work they are, how often they write, and how important
 * they are. Shares follow the calls that requests make when nothing fails, weighted by the workloads' rates.
 *
 * Work that is multiplied by a factor drawn with the request has the mean S·E[f] and the square S²·E[f²], so a station sees
 * the mix as one distribution, and everything that two moments decide stays as it is.
 */
import type { Distribution } from "../architecture.ts";
import { momentsOf } from "../distribution-moments.ts";
import type { Model, ModelComponent } from "../model.ts";

/** Of the requests with one priority, the most important (0) first. */
export interface PriorityShare {
  readonly priority: number;
  /** Of the arrivals, 0 to 1. */
  readonly share: number;
  /** The mean of their work factors and of its square. */
  readonly factor: number;
  readonly factorSquare: number;
}

export interface Mix {
  readonly factor: number;
  readonly factorSquare: number;
  readonly writeShare: number;
  readonly classes: readonly PriorityShare[];
}

/** By component; `ratesPerSecond` by workload. */
export function mixesOf(model: Model, ratesPerSecond: readonly number[]): Mix[] {
  const visits = new Map(model.workloads.map(({ client }) => [client, visitsFrom(model, client)]));
  return model.components.map(({ index }) => {
    const parts = model.workloads.map((workload) => ({
      workload,
      rate: (ratesPerSecond[workload.index] as number) * (visits.get(workload.client)?.[index] ?? 0),
    }));
    const total = parts.reduce((sum, { rate }) => sum + rate, 0);
    const mean = (of: typeof parts, read: (workload: Model["workloads"][number]) => number) => {
      const all = of.reduce((sum, { rate }) => sum + rate, 0);
      return all === 0
        ? read(defaults)
        : of.reduce((sum, { rate, workload }) => sum + (rate / all) * read(workload), 0);
    };
    const priorities = [...new Set(parts.filter(({ rate }) => rate > 0).map(({ workload }) => workload.priority))];
    return {
      factor: mean(parts, ({ workFactor }) => workFactor),
      factorSquare: mean(parts, ({ workFactor }) => workFactor ** 2),
      writeShare: mean(parts, ({ writeShare }) => writeShare),
      classes: priorities
        .sort((a, b) => a - b)
        .map((priority) => {
          const own = parts.filter(({ workload }) => workload.priority === priority);
          return {
            priority,
            share: own.reduce((sum, { rate }) => sum + rate, 0) / total,
            factor: mean(own, ({ workFactor }) => workFactor),
            factorSquare: mean(own, ({ workFactor }) => workFactor ** 2),
          };
        }),
    };
  });
}

const defaults = { workFactor: 1, writeShare: 0 } as Model["workloads"][number];

/** The same model with the work that components do for this mix. */
export function withMixedWork(model: Model, mixes: readonly Mix[]): Model {
  if (mixes.every(({ factor, factorSquare }) => factor === 1 && factorSquare === 1)) return model;
  const components = model.components.map((component) => {
    const { factor, factorSquare } = mixes[component.index] as Mix;
    return { ...component, serviceTime: multiplied(component.serviceTime, factor, factorSquare) };
  });
  return { ...model, components };
}

/** Only its two moments are right. */
function multiplied(distribution: Distribution, factor: number, factorSquare: number): Distribution {
  const { meanMs, cv } = momentsOf(distribution);
  if (meanMs === 0 || factor === 0) return { kind: "constant", meanMs: 0, cv: 0 };
  const scv = ((1 + cv ** 2) * factorSquare) / factor ** 2 - 1;
  return { kind: "gamma", meanMs: meanMs * factor, cv: Math.sqrt(Math.max(0, scv)) };
}

/** By component: visits per request of the client, without failures. */
function visitsFrom(model: Model, client: number): Float64Array {
  const visits = new Float64Array(model.components.length);
  visits[client] = 1;
  for (const index of model.callOrder) {
    const { isClient, errorRatio, hitRatio, links } = model.components[index] as ModelComponent;
    const calling = (visits[index] as number) * (isClient ? 1 : (1 - errorRatio) * (1 - hitRatio));
    for (const { to, callsPerRequest } of links) visits[to] = (visits[to] as number) + calling * callsPerRequest;
  }
  return visits;
}
