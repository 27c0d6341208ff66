import { RedisAwayError, type RedisHandles } from "@weft/mesh";

/*
 * Where tickets wait to be redeemed, for all gateways together. What is kept is sealed: whoever reads the store, a dump of it
 * or its replication can do nothing with it. Taking removes in the same command, so of two who redeem one ticket one wins.
 */
export interface TicketStore {
  /** Keeps `sealed` under `id` for `ttlMs`. Rejects when the store cannot be reached. */
  put(id: string, sealed: string, ttlMs: number): Promise<void>;
  /** Gives what was kept and forgets it; undefined when there is nothing (any more). Rejects as `put`. */
  take(id: string): Promise<string | undefined>;
}

const keyPrefix = "weft:ticket:";

export function createRedisTicketStore(redis: Pick<RedisHandles, "commands">): TicketStore {
  return {
    put: async (id, sealed, ttlMs) => {
      await redis.commands.set(keyPrefix + id, sealed, "PX", ttlMs);
    },
    take: async (id) => (await redis.commands.getdel(keyPrefix + id)) ?? undefined,
  };
}

/** In the memory of this process, for tests and for a gateway that is alone; `away` makes it as good as gone. */
export function createMemoryTicketStore(nowMs: () => number): TicketStore & { away: boolean } {
  const kept = new Map<string, { readonly sealed: string; readonly endsMs: number }>();
  const store = {
    away: false,
    put: async (id: string, sealed: string, ttlMs: number) => {
      assertThere();
      kept.set(id, { sealed, endsMs: nowMs() + ttlMs });
    },
    take: async (id: string) => {
      assertThere();
      const entry = kept.get(id);
      kept.delete(id);
      return entry !== undefined && entry.endsMs > nowMs() ? entry.sealed : undefined;
    },
  };
  const assertThere = (): void => {
    if (store.away) {
      throw new RedisAwayError("the store in memory was told to be away");
    }
  };
  return store;
}
