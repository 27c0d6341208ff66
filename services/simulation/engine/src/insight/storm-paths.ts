/**
 * How many visits one request brings to a component when every call on the way gives up on it.
 *
 * In a storm at a component nothing that waits for it is answered in time. Along a path, every attempt over a link with a
 * timeout fails, so it is made 1 + retries times; what is above sees the failure and tries again just so, whether its own
 * links have a timeout or not. Links below the last timeout only wait, and do not multiply. Sequential calls stop at the
 * first that fails, so of several only one is made; failures of calls that nobody waits for stay where they are.
 */
import type { Model, ModelComponent } from "../model.ts";

export interface StormPath {
  /** Visits per request of the workload's client in a storm, attempts included. */
  readonly visits: number;
  /** The shortest timeout on any path to it; Infinity when there is none: then nothing is ever given up. */
  readonly timeoutMs: number;
}

interface Reach {
  /** Visits whose slowness nobody has given up on, or whose failure nobody waits for. */
  readonly quiet: number;
  /** Visits that fail for who called. */
  readonly failing: number;
  readonly timeoutMs: number;
}

const unreachable: Reach = { quiet: 0, failing: 0, timeoutMs: Number.POSITIVE_INFINITY };

/** From every component to `target`, by component index. */
export function stormPathsTo(model: Model, target: number): StormPath[] {
  const reaches = model.components.map(() => unreachable);
  reaches[target] = { quiet: 1, failing: 0, timeoutMs: Number.POSITIVE_INFINITY };
  for (let position = model.callOrder.length - 1; position >= 0; position--) {
    const index = model.callOrder[position] as number;
    if (index !== target) reaches[index] = reachFrom(model.components[index] as ModelComponent, reaches);
  }
  return reaches.map(({ quiet, failing, timeoutMs }) => ({ visits: quiet + failing, timeoutMs }));
}

function reachFrom(component: ModelComponent, reaches: readonly Reach[]): Reach {
  const { isClient, isBalancer, isParallel, isQueue, errorRatio, hitRatio } = component;
  const calling = isClient ? 1 : (1 - errorRatio) * (1 - hitRatio);
  let { quiet, failing, timeoutMs } = unreachable;
  for (const link of component.links) {
    const behind = reaches[link.to] as Reach;
    if (link.callsPerRequest === 0 || behind.quiet + behind.failing === 0) continue;
    const isTimed = link.timeoutMs > 0;
    const stopsAtFirst = link.isAwaited && !isBalancer && !isParallel && !isQueue;
    const failingCalls = stopsAtFirst ? Math.min(1, link.callsPerRequest) : link.callsPerRequest;
    const givenUp = behind.failing + (isTimed ? behind.quiet : 0);
    const amplified = calling * failingCalls * (link.retries + 1) * givenUp;
    if (link.isAwaited) failing += amplified;
    else quiet += amplified;
    if (!isTimed) quiet += calling * link.callsPerRequest * behind.quiet;
    timeoutMs = Math.min(timeoutMs, behind.timeoutMs, isTimed ? link.timeoutMs : Number.POSITIVE_INFINITY);
  }
  return { quiet, failing, timeoutMs };
}
