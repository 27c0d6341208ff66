/**
 * The connections that callers have: for each link and calling instance a limited number of calls under way at once, and a
 * queue of those that wait, oldest first. A queue's consumers are the same thing: its backlog is what waits here.
 *
 * A connection is taken for one attempt and given back when that attempt is over for its caller, by an answer or by a
 * timeout, whatever goes on behind it. Who waits is chained through `CallPool.next` and `previous`.
 */
import { type CallPool, connection } from "../call-pool.ts";
import type { RunLink } from "../run-link.ts";
import { none } from "../visit-pool.ts";

interface Pool {
  inUse: number;
  waiting: number;
  oldest: number;
  newest: number;
}

export class ConnectionPools {
  readonly #calls: CallPool;
  /** By link, then by calling instance; made when first asked. */
  readonly #pools: Pool[][];

  constructor(calls: CallPool, links: readonly unknown[]) {
    this.#calls = calls;
    this.#pools = links.map(() => []);
  }

  /** Gives the call a connection, or a place among those that wait, or neither. */
  acquire(call: number, link: RunLink): "held" | "awaited" | "refused" {
    const pool = this.#of(call, link);
    if (pool.inUse < link.maxConnections) {
      pool.inUse++;
      this.#calls.holdsConnection[call] = connection.held;
      return "held";
    }
    if (pool.waiting >= link.connectionQueue) return "refused";
    const { next, previous } = this.#calls;
    next[call] = none;
    previous[call] = pool.newest;
    if (pool.newest === none) pool.oldest = call;
    else next[pool.newest] = call;
    pool.newest = call;
    pool.waiting++;
    this.#calls.holdsConnection[call] = connection.awaited;
    return "awaited";
  }

  /** A further connection for a call that has one, when one is free; never waits. */
  tryExtra(call: number, link: RunLink): boolean {
    const pool = this.#of(call, link);
    if (link.maxConnections > 0 && pool.inUse >= link.maxConnections) return false;
    pool.inUse++;
    return true;
  }

  /** Gives back so many connections of the call; then see `nextWaiting`. */
  release(call: number, link: RunLink, connections: number): void {
    this.#of(call, link).inUse -= connections;
    this.#calls.holdsConnection[call] = connection.none;
  }

  /** The call that gets a connection now that one is free, which it then holds; `none` when nobody waits or none is free. */
  nextWaiting(link: RunLink, instance: number): number {
    const pool = this.#pools[link.index]?.[instance];
    if (pool === undefined || pool.oldest === none) return none;
    if (link.maxConnections > 0 && pool.inUse >= link.maxConnections) return none;
    const call = pool.oldest;
    this.leave(call, link);
    pool.inUse++;
    this.#calls.holdsConnection[call] = connection.held;
    return call;
  }

  /** The call no longer waits. */
  leave(call: number, link: RunLink): void {
    const pool = this.#of(call, link);
    const { next, previous } = this.#calls;
    const [after, before] = [next[call] as number, previous[call] as number];
    if (before === none) pool.oldest = after;
    else next[before] = after;
    if (after === none) pool.newest = before;
    else previous[after] = before;
    pool.waiting--;
    this.#calls.holdsConnection[call] = connection.none;
  }

  /** Calling instances that ever used the link. */
  instancesOf(link: RunLink): number {
    return this.#pools[link.index]?.length ?? 0;
  }

  #of(call: number, link: RunLink): Pool {
    const ofLink = this.#pools[link.index] as Pool[];
    const instance = this.#calls.callerInstance[call] as number;
    let pool = ofLink[instance];
    if (pool === undefined) {
      pool = { inUse: 0, waiting: 0, oldest: none, newest: none };
      ofLink[instance] = pool;
    }
    return pool;
  }
}
