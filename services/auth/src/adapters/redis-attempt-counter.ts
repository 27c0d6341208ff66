/**
 * Counts attempts in Redis, for all instances together: one script looks at every key and counts in all or none, so that
 * attempts which come at once are counted one by one. Its arithmetic is that of `domain/attempt-limits.ts` (a test compares
 * the two), its clock the caller's. Keys carry a digest: people type passwords where the login belongs.
 *
 * While Redis is away, or hangs, the process counts by itself; an attempt is never let through uncounted. What one side has
 * counted the other does not know, so such a change lets a guesser begin again: once, and again when Redis is back.
 */
import { createHash } from "node:crypto";
import { type Clock, type Logger, RedisAwayError, type RedisHandles } from "@weft/mesh";
import { attemptLimits, type CountedKey } from "../domain/attempt-limits.ts";
import type { AttemptCounter } from "../domain/ports.ts";

const take = `
local now = tonumber(ARGV[1])
local function wait_after(count, free, base, most)
  if count < free then return 0 end
  return math.min(most, base * 2 ^ (count - free))
end
local counts, wait = {}, 0
for i, key in ipairs(KEYS) do
  local free, base, most, forget = tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1]), tonumber(ARGV[4*i]), tonumber(ARGV[4*i+1])
  local stored = redis.call('HMGET', key, 'count', 'at')
  local count, at = tonumber(stored[1]) or 0, tonumber(stored[2]) or 0
  if now - at > forget then count = 0 end
  counts[i] = count
  local after = wait_after(count, free, base, most)
  wait = math.max(wait, math.min(after, at + after - now))
end
if wait > 0 then return {0, math.ceil(wait)} end
for i, key in ipairs(KEYS) do
  local count = counts[i] + 1
  redis.call('HSET', key, 'count', count, 'at', ARGV[1])
  redis.call('PEXPIRE', key, ARGV[4*i+1])
  wait = math.max(wait, wait_after(count, tonumber(ARGV[4*i-2]), tonumber(ARGV[4*i-1]), tonumber(ARGV[4*i])))
end
return {1, math.ceil(wait)}`;

const takeBack = `
for _, key in ipairs(KEYS) do
  if (tonumber(redis.call('HGET', key, 'count')) or 0) > 1 then
    redis.call('HINCRBY', key, 'count', -1)
  else
    redis.call('DEL', key)
  end
end`;

export interface RedisAttemptCounterOptions {
  readonly redis: Pick<RedisHandles, "commands">;
  /** Counts while Redis is away. */
  readonly fallback: AttemptCounter;
  readonly clock: Pick<Clock, "monotonicMs" | "sleep">;
  readonly logger: Logger;
}

/** A Redis that hangs must not hold logins up for as long as its commands may take. */
const replyWithinMs = 500;
/** How long it is left alone then, so that one login in a while waits and not each. */
const leftAloneMs = 5_000;

export function createRedisAttemptCounter(options: RedisAttemptCounterOptions): AttemptCounter {
  const { redis, fallback, clock, logger } = options;
  const { commands } = redis;
  let leftAloneUntilMs = Number.NEGATIVE_INFINITY;

  async function inTime<T>(asked: Promise<T>): Promise<T> {
    const answered = new AbortController();
    const late = clock.sleep(replyWithinMs, answered.signal).then(
      () => {
        leftAloneUntilMs = clock.monotonicMs() + leftAloneMs;
        throw new RedisAwayError(new Error(`no reply within ${replyWithinMs} ms`));
      },
      () => asked,
    );
    try {
      return await Promise.race([asked, late]);
    } finally {
      answered.abort();
    }
  }

  async function orLocally<T>(ask: () => Promise<T>, locally: () => Promise<T>): Promise<T> {
    if (clock.monotonicMs() < leftAloneUntilMs) {
      return locally();
    }
    try {
      return await inTime(ask());
    } catch (error) {
      if (!(error instanceof RedisAwayError)) {
        throw error;
      }
      logger.debug({ err: error }, "attempts are counted by this instance alone");
      return locally();
    }
  }

  return {
    take: (keys, nowMs) =>
      orLocally(
        async () => {
          const limits = keys.flatMap(({ kind }) => {
            const { freeAttempts, baseWaitMs, mostWaitMs, forgetAfterMs } = attemptLimits[kind];
            return [freeAttempts, baseWaitMs, mostWaitMs, forgetAfterMs];
          });
          const reply = await commands.eval(take, keys.length, ...keys.map(redisKey), nowMs, ...limits);
          const [admitted, waitMs] = reply as [number, number];
          return { admitted: admitted === 1, waitMs };
        },
        () => fallback.take(keys, nowMs),
      ),
    takeBack: (keys) =>
      orLocally(
        async () => {
          if (keys.length > 0) await commands.eval(takeBack, keys.length, ...keys.map(redisKey));
        },
        () => fallback.takeBack(keys),
      ),
    forget: (keys) =>
      orLocally(
        async () => {
          if (keys.length > 0) await commands.del(...keys.map(redisKey));
        },
        () => fallback.forget(keys),
      ),
  };
}

function redisKey({ kind, id }: CountedKey): string {
  return `auth:attempts:${kind}:${createHash("sha256").update(id).digest("base64url").slice(0, 22)}`;
}
