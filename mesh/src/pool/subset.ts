/*
 * Which instances of its peers a process connects to when it cannot connect to all: when instances × minimum, summed over
 * its peers, exceeds the ceiling (POOL-05), every process takes a part of each peer's instances.
 *
 * How many: everyone first gets two (a part of one would end with its instance), then the peers of the highest priority
 * get more, evenly, and so on down. Never none: where not even one instance each fits, the budget shares out what there is.
 *
 * Which: rendezvous hashing. An instance's score is a hash of its id and this process's; the highest scores are taken. So
 * processes choose differently, many of them cover all instances about evenly, and when an instance comes or goes at most
 * one connection target changes per process: no list order or modulus that shifts everything.
 */

/** A peer, as far as its share of the ceiling goes. */
export interface SubsetDemand {
  /** Instances that are known. */
  readonly instances: number;
  /** Connections that a pool to one instance keeps. */
  readonly minConnections: number;
  /** 0 goes first. */
  readonly priority: number;
}

/** Instances that each peer gets before any gets more. */
const floorSize = 2;

/**
 * How many instances of each peer to connect to, in the order given: all when they fit under the ceiling, at least one of
 * each in any case. A caller that wants room for pools to grow passes less than the ceiling.
 */
export function subsetSizes(ceiling: number, demands: readonly SubsetDemand[]): number[] {
  const sizes = demands.map(({ instances }) => Math.min(1, instances));
  let left = ceiling;
  for (const { instances, minConnections } of demands) {
    left -= Math.min(1, instances) * minConnections;
  }
  const raise = (members: readonly number[], upTo: number): void => {
    let raised = true;
    while (raised) {
      raised = false;
      for (const index of members) {
        const demand = demands[index] as SubsetDemand;
        const size = sizes[index] as number;
        if (size < Math.min(upTo, demand.instances) && demand.minConnections <= left) {
          sizes[index] = size + 1;
          left -= demand.minConnections;
          raised = true;
        }
      }
    }
  };
  const byPriority = demands.map((_, index) => index);
  byPriority.sort((one, other) => (demands[one]?.priority ?? 0) - (demands[other]?.priority ?? 0) || one - other);
  raise(byPriority, floorSize);
  for (const priority of new Set(byPriority.map((index) => demands[index]?.priority))) {
    raise(
      byPriority.filter((index) => demands[index]?.priority === priority),
      Number.POSITIVE_INFINITY,
    );
  }
  return sizes;
}

/** The `size` instances that this process connects to, in their given order. `processId` tells processes apart. */
export function subsetOf<Item>(
  items: readonly Item[],
  size: number,
  processId: string,
  idOf: (item: Item) => string,
): readonly Item[] {
  if (items.length <= size) {
    return items;
  }
  const scored = items.map((item) => ({ item, id: idOf(item), score: scoreOf(processId, idOf(item)) }));
  scored.sort((one, other) => other.score - one.score || (one.id < other.id ? -1 : 1));
  const chosen = new Set(scored.slice(0, size).map(({ item }) => item));
  return items.filter((item) => chosen.has(item));
}

/** FNV-1a over both ids, then murmur3's finalizer: ids that differ in one digit must not score alike. */
function scoreOf(processId: string, id: string): number {
  let hash = 0x811c9dc5;
  const text = `${processId}\n${id}`;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
