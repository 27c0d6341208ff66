/**
 * How many visits one request brings to a component when every call on the way gives up on it.
 *
 * In a storm at a component nothing that waits for it is answered in time. Along a path, every attempt over a link with a
 * timeout fails, so it is made 1 + retries times; what is above sees the failure and tries again just so, whether its own
 * links have a timeout or not. Links below the last timeout only wait, and do not multiply. Sequential calls stop at the
 * first that fails, so of several only one is made. Behind a call that nobody waits for, as behind a queue, nobody above
 * feels anything: patience and retries above do not count there, only those below.
 *
 * - A budget allows `ratio` retries per call in the long run, whatever `retries` says; one of a whole tier may spend on one
 *   link what the calls of all its links have saved.
 * - A hedge is sent beside every attempt that is slower, and in a storm all are.
 * - A breaker sees nothing but failures and opens: the path carries no storm. It must be where calls fail, not below, where
 *   they are only slow.
 * - Cancelled work takes no capacity. The word must reach the component: from the link that gives up down to it every link
 *   must cancel.
 */
import type { Model, ModelComponent, ModelLink } from "../model.ts";

export interface StormPath {
  /** Visits per request of the workload's client in a storm, attempts included; without those of paths that are stopped. */
  readonly visits: number;
  /** The shortest timeout on any path to it; Infinity when there is none: then nothing is ever given up. */
  readonly timeoutMs: number;
  /** Why paths carry no storm, in words. */
  readonly stoppedBy: readonly string[];
  /** Whether a stop is by cancelling, which only helps where work is short beside the timeout. */
  readonly isCancelled: boolean;
}

interface Reach {
  /** Visits whose slowness nobody has given up on. */
  readonly quiet: number;
  /** Visits that nobody from here on up waits for. */
  readonly detached: number;
  /** Visits that fail for who called. */
  readonly failing: number;
  readonly timeoutMs: number;
  /** Whether all links from here to the target cancel. */
  readonly cancels: boolean;
  readonly stoppedBy: readonly string[];
  readonly isCancelled: boolean;
}

const unreachable: Reach = {
  quiet: 0,
  detached: 0,
  failing: 0,
  timeoutMs: Number.POSITIVE_INFINITY,
  cancels: true,
  stoppedBy: [],
  isCancelled: false,
};

/** From every component to `target`, by component index. */
export function stormPathsTo(model: Model, target: number): StormPath[] {
  const reaches = model.components.map(() => unreachable);
  reaches[target] = { ...unreachable, quiet: 1 };
  for (let position = model.callOrder.length - 1; position >= 0; position--) {
    const index = model.callOrder[position] as number;
    if (index !== target) reaches[index] = reachFrom(model.components[index] as ModelComponent, reaches);
  }
  return reaches.map(({ quiet, detached, failing, timeoutMs, stoppedBy, isCancelled }) => {
    return { visits: quiet + detached + failing, timeoutMs, stoppedBy, isCancelled };
  });
}

function reachFrom(component: ModelComponent, reaches: readonly Reach[]): Reach {
  const { isClient, isBalancer, isParallel, isQueue, errorRatio, hitRatio } = component;
  const calling = isClient ? 1 : (1 - errorRatio) * (1 - hitRatio);
  let { quiet, detached, failing, timeoutMs, cancels, isCancelled } = unreachable;
  const stoppedBy: string[] = [];
  for (const link of component.links) {
    const behind = reaches[link.to] as Reach;
    const isFelt = behind.quiet + behind.failing > 0;
    const isReached = isFelt || behind.detached > 0 || behind.stoppedBy.length > 0;
    if (link.callsPerRequest === 0 || !isReached) continue;
    const isTimed = link.timeoutMs > 0;
    const stopsAtFirst = link.isAwaited && !isBalancer && !isParallel && !isQueue;
    const failingCalls = stopsAtFirst ? Math.min(1, link.callsPerRequest) : link.callsPerRequest;
    const stop = stopOf(link, behind);
    const givenUp = stop === undefined ? behind.failing + (isTimed ? behind.quiet : 0) : 0;
    const failingAttempts = failingCalls * attemptsInStorm(link, component);
    const amplified = calling * failingAttempts * givenUp;
    const waited = isTimed ? 0 : calling * link.callsPerRequest * behind.quiet;
    detached += calling * (givenUp > 0 ? failingAttempts : link.callsPerRequest) * behind.detached;
    if (link.isAwaited) {
      failing += amplified;
      quiet += waited;
    } else detached += amplified + waited;
    timeoutMs = Math.min(timeoutMs, behind.timeoutMs, isTimed && isFelt ? link.timeoutMs : Number.POSITIVE_INFINITY);
    cancels &&= behind.cancels && link.timeoutCancels;
    stoppedBy.push(...behind.stoppedBy, ...(stop === undefined ? [] : [stop.reason]));
    isCancelled ||= behind.isCancelled || stop?.isCancelled === true;
  }
  return { quiet, detached, failing, timeoutMs, cancels, stoppedBy: [...new Set(stoppedBy)], isCancelled };
}

function stopOf(link: ModelLink, behind: Reach): { reason: string; isCancelled: boolean } | undefined {
  const { id, timeoutMs, timeoutCancels, breaker } = link;
  if (behind.failing === 0 && (timeoutMs === 0 || behind.quiet === 0)) return undefined;
  if (breaker !== undefined) {
    return {
      reason: `the breakers of link "${id}" open after ${breaker.failures} failures in a row`,
      isCancelled: false,
    };
  }
  if (timeoutCancels && timeoutMs > 0 && behind.failing === 0 && behind.cancels) {
    return { reason: `what link "${id}" gives up on after ${timeoutMs} ms is cancelled`, isCancelled: true };
  }
  return undefined;
}

/** Attempts per call when all of them fail. */
function attemptsInStorm(link: ModelLink, caller: ModelComponent): number {
  const { retries, retryBudget, hedgeAfterMs, timeoutMs } = link;
  const isHedged = hedgeAfterMs > 0 && (timeoutMs === 0 || hedgeAfterMs < timeoutMs);
  return (1 + Math.min(retries, retryBudget === undefined ? retries : budgetOf(link, caller))) * (isHedged ? 2 : 1);
}

/** Retries per call of this link that its budget allows. */
function budgetOf({ retryBudget, callsPerRequest }: ModelLink, caller: ModelComponent): number {
  const { ratio = 0, scope = "client" } = retryBudget ?? {};
  if (scope === "client") return ratio;
  const saving = caller.links.filter((link) => link.retryBudget?.scope === "tier");
  return (ratio * saving.reduce((sum, link) => sum + link.callsPerRequest, 0)) / callsPerRequest;
}
