/** A directed edge between component indices. */
export interface CallEdge {
  readonly from: number;
  readonly to: number;
}

/**
 * Orders components so that every one comes before those it calls. When the calls form a cycle there is no order;
 * the answer is then one cycle, as the components along it.
 */
export function orderByCalls(count: number, edges: readonly CallEdge[]): { order: number[] } | { cycle: number[] } {
  const callees: number[][] = Array.from({ length: count }, () => []);
  const callersLeft = new Int32Array(count);
  for (const { from, to } of edges) {
    callees[from]?.push(to);
    callersLeft[to] = (callersLeft[to] as number) + 1;
  }
  const order: number[] = [];
  for (let index = 0; index < count; index++) if (callersLeft[index] === 0) order.push(index);
  for (let position = 0; position < order.length; position++) {
    for (const to of callees[order[position] as number] as number[]) {
      callersLeft[to] = (callersLeft[to] as number) - 1;
      if (callersLeft[to] === 0) order.push(to);
    }
  }
  return order.length === count ? { order } : { cycle: findCycle(edges, callersLeft) };
}

/** Every component left over has a caller that is left over, so walking backwards must come round. */
function findCycle(edges: readonly CallEdge[], callersLeft: Int32Array): number[] {
  const callerOf = new Map<number, number>();
  for (const { from, to } of edges) if ((callersLeft[from] as number) > 0) callerOf.set(to, from);
  const walked: number[] = [];
  let current = callersLeft.findIndex((callers) => callers > 0);
  while (!walked.includes(current)) {
    walked.push(current);
    current = callerOf.get(current) as number;
  }
  return walked.slice(walked.indexOf(current)).reverse();
}
