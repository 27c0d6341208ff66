/** One end-to-end call path's edge, as much of a link as cycles need. */
export interface Edge {
  from: string;
  to: string;
}

/**
 * The first cycle of calls, as the ids along it without the repeated one (`["a", "b"]` for a → b → a); undefined when
 * the links form none. Iterative, because a chain may be as long as there are components.
 */
export function findCycle(links: readonly Edge[]): string[] | undefined {
  const targets = targetsBySource(links);
  const done = new Set<string>();
  for (const start of targets.keys()) {
    if (done.has(start)) continue;
    const path: string[] = [start];
    const onPath = new Set(path);
    const cursors = [0];
    while (path.length > 0) {
      const current = path[path.length - 1] as string;
      const cursor = cursors[cursors.length - 1] as number;
      const next = targets.get(current)?.[cursor];
      if (next === undefined) {
        done.add(current);
        onPath.delete(current);
        path.pop();
        cursors.pop();
        continue;
      }
      cursors[cursors.length - 1] = cursor + 1;
      if (onPath.has(next)) return path.slice(path.indexOf(next));
      if (done.has(next)) continue;
      path.push(next);
      onPath.add(next);
      cursors.push(0);
    }
  }
  return undefined;
}

/**
 * Keeps each edge unless it closes a cycle with those kept before it: given strongest first, what is lost is weakest.
 * Each dropped edge comes with the path it would have closed, from its `to` back to its `from`.
 */
export function keepAcyclic<T extends Edge>(
  edges: readonly T[],
): { kept: T[]; dropped: { edge: T; path: string[] }[] } {
  const kept: T[] = [];
  const dropped: { edge: T; path: string[] }[] = [];
  const targets = new Map<string, string[]>();
  for (const edge of edges) {
    const path = findPath(targets, edge.to, edge.from);
    if (path !== undefined) {
      dropped.push({ edge, path });
      continue;
    }
    kept.push(edge);
    const list = targets.get(edge.from);
    if (list === undefined) targets.set(edge.from, [edge.to]);
    else list.push(edge.to);
  }
  return { kept, dropped };
}

function findPath(targets: ReadonlyMap<string, readonly string[]>, start: string, goal: string): string[] | undefined {
  const cameFrom = new Map<string, string | undefined>([[start, undefined]]);
  const pending = [start];
  while (pending.length > 0) {
    const current = pending.pop() as string;
    if (current === goal) {
      const path: string[] = [];
      for (let step: string | undefined = current; step !== undefined; step = cameFrom.get(step)) path.unshift(step);
      return path;
    }
    for (const next of targets.get(current) ?? []) {
      if (cameFrom.has(next)) continue;
      cameFrom.set(next, current);
      pending.push(next);
    }
  }
  return undefined;
}

function targetsBySource(links: readonly Edge[]): Map<string, string[]> {
  const targets = new Map<string, string[]>();
  for (const link of links) {
    const list = targets.get(link.from);
    if (list === undefined) targets.set(link.from, [link.to]);
    else list.push(link.to);
  }
  return targets;
}
