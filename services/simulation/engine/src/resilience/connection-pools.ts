/**
 * The connections that callers have: for each link and calling instance a limited number of calls under way at once, and a
 * queue of those that wait, oldest first. A queue's consumers are the same thing: its backlog is what waits here.
 *
 * A connection is taken for one attempt and given back when that attempt is over for its caller, by an answer or by a
 * timeout, whatever goes on behind it. Who waits is chained through `Call.next` and `previous`.
 */
import { type Call, connection } from "../call.ts";
import type { RunLink } from "../run-link.ts";

interface Pool {
  inUse: number;
  waiting: number;
  oldest: Call | undefined;
  newest: Call | undefined;
}

export class ConnectionPools {
  /** By link, then by calling instance; made when first asked. */
  readonly #pools: Pool[][];

  constructor(links: readonly unknown[]) {
    this.#pools = links.map(() => []);
  }

  /** Gives the call a connection, or a place among those that wait, or neither. */
  acquire(call: Call, link: RunLink): "held" | "awaited" | "refused" {
    const pool = this.#of(call, link);
    if (pool.inUse < link.maxConnections) {
      pool.inUse++;
      call.holdsConnection = connection.held;
      return "held";
    }
    if (pool.waiting >= link.connectionQueue) return "refused";
    call.next = undefined;
    call.previous = pool.newest;
    if (pool.newest === undefined) pool.oldest = call;
    else pool.newest.next = call;
    pool.newest = call;
    pool.waiting++;
    call.holdsConnection = connection.awaited;
    return "awaited";
  }

  /** A further connection for a call that has one, when one is free; never waits. */
  tryExtra(call: Call, link: RunLink): boolean {
    const pool = this.#of(call, link);
    if (link.maxConnections > 0 && pool.inUse >= link.maxConnections) return false;
    pool.inUse++;
    return true;
  }

  /** Gives back so many connections of the call; then see `nextWaiting`. */
  release(call: Call, link: RunLink, connections: number): void {
    this.#of(call, link).inUse -= connections;
    call.holdsConnection = connection.none;
  }

  /** The call that gets a connection now that one is free, which it then holds; nothing when nobody waits or none is free. */
  nextWaiting(link: RunLink, instance: number): Call | undefined {
    const pool = this.#pools[link.index]?.[instance];
    if (pool === undefined || pool.oldest === undefined) return undefined;
    if (link.maxConnections > 0 && pool.inUse >= link.maxConnections) return undefined;
    const call = pool.oldest;
    this.leave(call, link);
    pool.inUse++;
    call.holdsConnection = connection.held;
    return call;
  }

  /** The call no longer waits. */
  leave(call: Call, link: RunLink): void {
    const pool = this.#of(call, link);
    const { next: after, previous: before } = call;
    if (before === undefined) pool.oldest = after;
    else before.next = after;
    if (after === undefined) pool.newest = before;
    else after.previous = before;
    pool.waiting--;
    call.holdsConnection = connection.none;
  }

  /** Calling instances that ever used the link. */
  instancesOf(link: RunLink): number {
    return this.#pools[link.index]?.length ?? 0;
  }

  #of(call: Call, link: RunLink): Pool {
    const ofLink = this.#pools[link.index] as Pool[];
    const instance = call.callerInstance;
    let pool = ofLink[instance];
    if (pool === undefined) {
      pool = { inUse: 0, waiting: 0, oldest: undefined, newest: undefined };
      ofLink[instance] = pool;
    }
    return pool;
  }
}
