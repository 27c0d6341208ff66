/** Where requests wait instead of being worked on, as shares of the time that they spend in the system. */
import { awaitedComponents } from "../awaited-components.ts";
import type { Model } from "../model.ts";
import type { Results } from "../results.ts";

/** Below this nobody feels it. */
export const notableWaitShare = 0.05;

export interface WaitShare {
  readonly component: string;
  readonly share: number;
}

/** Time spent in each component's queues ÷ time spent in the system; most first. Without queues that no client waits for. */
export function waitShares(model: Model, runs: readonly Results[]): WaitShare[] {
  const awaited = awaitedIds(model);
  const present = new Map<string, number>();
  let inSystem = 0;
  for (const { components } of runs) {
    for (const { id, kind, queueLengthMean, inFlightMean } of components) {
      if (kind === "client") inSystem += inFlightMean;
      else if (awaited.has(id)) present.set(id, (present.get(id) ?? 0) + queueLengthMean);
    }
  }
  return [...present]
    .map(([component, waiting]) => ({ component, share: inSystem === 0 ? 0 : Math.min(1, waiting / inSystem) }))
    .sort((a, b) => b.share - a.share);
}

export interface ConnectionWait {
  /** Of the calling component. */
  readonly name: string;
  /** Calls that wait for a connection at once, as a mean. */
  readonly calls: number;
  readonly share: number;
}

/** The caller with the most calls that wait for a connection, which is in nobody's queue. */
export function mostConnectionWait(model: Model, runs: readonly Results[]): ConnectionWait | undefined {
  const awaited = awaitedIds(model);
  let inSystem = 0;
  const waiting = new Map<string, number>();
  for (const { id, kind, name, inFlightMean, backlogMean } of runs.flatMap(({ components }) => components)) {
    if (kind === "client") inSystem += inFlightMean;
    if (kind !== "queue" && (kind === "client" || awaited.has(id)))
      waiting.set(name, (waiting.get(name) ?? 0) + backlogMean);
  }
  const [most] = [...waiting].sort((a, b) => b[1] - a[1]);
  if (most === undefined) return undefined;
  const [name, count] = most;
  return { name, calls: count / runs.length, share: inSystem === 0 ? 0 : Math.min(1, count / inSystem) };
}

function awaitedIds(model: Model): ReadonlySet<string | undefined> {
  return new Set([...awaitedComponents(model)].map((index) => model.components[index]?.id));
}
