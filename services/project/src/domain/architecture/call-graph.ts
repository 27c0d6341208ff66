import type { Architecture, Component, Link } from "./architecture.ts";

/** One link with the mean calls over it for one request of its caller. */
export interface MeanCall {
  link: Link;
  calls: number;
}

/** The architecture as a graph of mean calls; all maps are by component id. */
export interface CallGraph {
  /** Every component before those that it calls. */
  callersFirst: string[];
  callsOf(id: string): readonly MeanCall[];
  /**
   * How long a request holds its slot, which is also when its answer leaves: own work and the calls it waits for,
   * without queueing. For clients the end-to-end latency.
   */
  holdMs: Map<string, number>;
  /** Components that a request to this one waits for, itself included. */
  waitsFor(id: string): ReadonlySet<string>;
}

/**
 * Resolves what the kinds mean for calls: a load balancer makes one call, shared out by weight; a cache calls only on a
 * miss; a queue delivers each message but waits for nobody; an asynchronous link is called and not waited for. A
 * timeout bounds how long the caller waits for each call.
 */
export function callGraph({ components, links }: Architecture): CallGraph {
  const byId = new Map(components.map((component) => [component.id, component]));
  const linksByCaller = Map.groupBy(links, (link) => link.from);
  const calls = new Map(
    components.map((component) => [component.id, meanCalls(component, linksByCaller.get(component.id) ?? [])]),
  );
  const callsOf = (id: string) => calls.get(id) ?? [];
  const callersFirst = sortCallersFirst(components, linksByCaller);
  const holdMs = new Map<string, number>();
  for (const id of callersFirst.toReversed()) {
    const component = byId.get(id) as Component;
    holdMs.set(id, component.serviceTime.meanMs + waitMs(component, callsOf(id), holdMs));
  }
  const waitsFor = (id: string) => {
    const reached = new Set([id]);
    for (const current of reached) {
      for (const { link, calls: mean } of callsOf(current)) {
        if (mean > 0 && isWaitedFor(byId.get(current) as Component, link)) reached.add(link.to);
      }
    }
    return reached;
  };
  return { callersFirst, callsOf, holdMs, waitsFor };
}

function meanCalls(component: Component, links: readonly Link[]): MeanCall[] {
  if (component.kind === "load_balancer") {
    const total = links.reduce((sum, link) => sum + link.weight, 0);
    return links.map((link) => ({ link, calls: total === 0 ? 0 : link.weight / total }));
  }
  const share = component.kind === "cache" ? 1 - component.hitRatio : 1;
  return links.map((link) => ({ link, calls: share * link.callsPerRequest }));
}

function isWaitedFor(component: Component, link: Link): boolean {
  return component.kind !== "queue" && !link.asynchronous;
}

function waitMs(component: Component, calls: readonly MeanCall[], holdMs: ReadonlyMap<string, number>): number {
  const waits = calls
    .filter(({ link }) => isWaitedFor(component, link))
    .map(({ link, calls: mean }) => {
      const answerMs = link.latency.meanMs + (holdMs.get(link.to) ?? 0);
      return mean * (link.timeoutMs > 0 ? Math.min(answerMs, link.timeoutMs) : answerMs);
    });
  // A load balancer's shares are of one call, so they add up whatever its fan-out.
  return component.fanOut === "parallel" && component.kind !== "load_balancer"
    ? waits.reduce((a, b) => Math.max(a, b), 0)
    : waits.reduce((a, b) => a + b, 0);
}

/** Kahn's algorithm; what a cycle keeps from being sorted comes last, so that every component has its place. */
function sortCallersFirst(
  components: readonly Component[],
  linksByCaller: ReadonlyMap<string, readonly Link[]>,
): string[] {
  const callers = new Map(components.map(({ id }) => [id, 0]));
  for (const links of linksByCaller.values()) {
    for (const { to } of links) callers.set(to, (callers.get(to) ?? 0) + 1);
  }
  const sorted = components.filter(({ id }) => callers.get(id) === 0).map(({ id }) => id);
  for (const id of sorted) {
    for (const { to } of linksByCaller.get(id) ?? []) {
      const left = (callers.get(to) ?? 0) - 1;
      callers.set(to, left);
      if (left === 0) sorted.push(to);
    }
  }
  const placed = new Set(sorted);
  return [...sorted, ...components.map(({ id }) => id).filter((id) => !placed.has(id))];
}
