import type { RedisHandles } from "@weft/mesh";
import { RedisScript } from "@weft/mesh";
import { type Grant, intervalUs, type Limit, takeTokens } from "./gcra.ts";

/*
 * Where budgets are counted for all gateways together: each take is atomic, and the time is that of the store, so that the
 * clocks of gateways do not matter.
 */

export interface TokenRequest {
  /** Names the budget. */
  readonly key: string;
  readonly limit: Limit;
  readonly least: number;
  readonly most: number;
}

export interface RateLimitStore {
  /** One grant per request, in their order. Rejects when the store cannot be reached. */
  take(requests: readonly TokenRequest[]): Promise<readonly Grant[]>;
}

/**
 * KEYS budgets; ARGV for each: interval in microseconds, burst, least, most. Gives two numbers for each: tokens granted, and
 * microseconds until it is full. A budget that is full again is no longer kept.
 */
const takeScript = new RedisScript(`
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local reply = {}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[i * 4 - 3]), tonumber(ARGV[i * 4 - 2])
  local least, most = tonumber(ARGV[i * 4 - 1]), tonumber(ARGV[i * 4])
  local full = burst * interval
  local fullAt = tonumber(redis.call('GET', key) or '') or now
  local ahead = math.max(0, math.min(fullAt - now, full))
  local granted = math.min(most, math.floor((full - ahead) / interval))
  if granted < least then granted = 0 end
  ahead = ahead + granted * interval
  -- Also where it was emptier than a budget can be, by another limit or a clock that was set back: it refills from here.
  if granted > 0 or fullAt - now > full then
    redis.call('SET', key, string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000) + 1)
  end
  reply[i * 2 - 1] = granted
  reply[i * 2] = ahead
end
return reply
`);

const keyPrefix = "weft:rate:";

/** On Redis: one script call for all requests. */
export function createRedisRateLimitStore(redis: Pick<RedisHandles, "commands">): RateLimitStore {
  return {
    take: async (requests) => {
      const keys = requests.map(({ key }) => keyPrefix + key);
      const args = requests.flatMap(({ limit, least, most }) => [intervalUs(limit), limit.burst, least, most]);
      const reply = (await takeScript.run(redis.commands, keys, args)) as readonly number[];
      return requests.map((_, at) => ({ granted: Number(reply[at * 2]), aheadUs: Number(reply[at * 2 + 1]) }));
    },
  };
}

/** In the memory of this process, for tests and for a gateway that is alone. Keeps what it has seen. */
export function createMemoryRateLimitStore(nowUs: () => number): RateLimitStore {
  const fullAtUs = new Map<string, number>();
  return {
    take: async (requests) => {
      const now = nowUs();
      return requests.map(({ key, limit, least, most }) => {
        const grant = takeTokens((fullAtUs.get(key) ?? now) - now, limit, least, most);
        fullAtUs.set(key, now + grant.aheadUs);
        return grant;
      });
    },
  };
}
