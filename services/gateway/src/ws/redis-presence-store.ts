import { type RedisHandles, RedisScript } from "@weft/mesh";
import {
  mostListedUsers,
  type PresenceSnapshot,
  type PresenceStore,
  type PresenceTimes,
  presenceSubject,
  presenceTimes,
} from "./presence-store.ts";

/*
 * Presence on Redis: per channel a sorted set of members by the time at which they are gone, and two hashes that say of each
 * user how many members they have and since when they are there, so that counting users takes no walk through a big
 * channel. The keys share a hash tag, and the clock is that of Redis, so that those of gateways do not matter.
 *
 * Should one of the keys be lost alone, the channel is emptied: the heartbeats fill it again.
 */

/**
 * KEYS members, connections by user, since by user; ARGV subject, TTL and grace in ms, most users to list, how many are here,
 * those, then those who leave. The user of a member is all but the last 37 characters.
 */
const updateScript = new RedisScript(`
local members, counts, since = KEYS[1], KEYS[2], KEYS[3]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local ttl, grace, hereCount = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
if redis.call('EXISTS', members, counts, since) ~= 3 then redis.call('DEL', members, counts, since) end
for _, member in ipairs(redis.call('ZRANGEBYSCORE', members, '-inf', now)) do
  local user = string.sub(member, 1, -38)
  if redis.call('HINCRBY', counts, user, -1) <= 0 then
    redis.call('HDEL', counts, user)
    redis.call('HDEL', since, user)
  end
end
redis.call('ZREMRANGEBYSCORE', members, '-inf', now)
local changed = false
for i = 6, 5 + hereCount do
  local member = ARGV[i]
  if redis.call('ZADD', members, now + ttl, member) == 1 then
    local user = string.sub(member, 1, -38)
    redis.call('HINCRBY', counts, user, 1)
    if redis.call('HSETNX', since, user, now) == 1 then changed = true end
  end
end
for i = 6 + hereCount, #ARGV do
  local ends = redis.call('ZSCORE', members, ARGV[i])
  if ends and tonumber(ends) > now + grace then
    redis.call('ZADD', members, now + grace, ARGV[i])
    changed = true
  end
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl * 2) end
if changed then redis.call('PUBLISH', ARGV[1], '') end
local first = redis.call('ZRANGE', members, 0, 0, 'WITHSCORES')
local reply = {redis.call('HLEN', counts), redis.call('ZCARD', members), first[2] and tonumber(first[2]) - now or -1}
if reply[1] <= tonumber(ARGV[4]) then
  reply[4] = redis.call('HGETALL', counts)
  reply[5] = redis.call('HGETALL', since)
end
return reply
`);

type Reply = [users: number, connections: number, nextEndMs: number, counts?: string[], since?: string[]];

export function createRedisPresenceStore(
  redis: Pick<RedisHandles, "commands">,
  times: PresenceTimes = presenceTimes,
): PresenceStore {
  return {
    times,
    update: async (channel, { here, leaving }) => {
      const keys = ["members", "connections", "since"].map((part) => `weft:presence:{${channel}}:${part}`);
      const args = [presenceSubject(channel), times.ttlMs, times.graceMs, mostListedUsers, here.length];
      return snapshotFrom((await updateScript.run(redis.commands, keys, [...args, ...here, ...leaving])) as Reply);
    },
  };
}

function snapshotFrom([users, connections, nextEndMs, counts, since]: Reply): PresenceSnapshot {
  const sinceMs = new Map(pairsOf(since ?? []));
  const clients =
    counts &&
    pairsOf(counts).map(([userId, count]) => ({
      userId,
      connections: Number(count),
      sinceMs: Number(sinceMs.get(userId)),
    }));
  return { users, connections, clients, nextEndMs: nextEndMs < 0 ? undefined : nextEndMs };
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at] as string, flat[2 * at + 1] as string]);
}
