/**
 * ChannelLog on Redis: per channel a hash with its position and a stream with its last publications, whose entry ids are
 * the offsets. Each operation is one Lua call, so a publication is counted, kept and sent by all or by nobody, and a
 * reading is of one moment. The keys share a hash tag and so a cluster node; nothing newer than Redis 7.0 is used.
 *
 * A position that is gone takes the stream with it: publications of one epoch are never read under another.
 */
import type { Random } from "../random.ts";
import type { RedisHandles } from "../redis/redis-connection.ts";
import { RedisScript } from "../redis/redis-script.ts";
import {
  assertChannel,
  assertPosition,
  assertPublishable,
  type ChannelLog,
  type ChannelPosition,
  channelHistory,
  newEpoch,
} from "./channel-log.ts";

/** KEYS position, log, maybe marker; ARGV channel, payload, new epoch, entries, TTLs of log, position, marker in ms. */
const publishScript = new RedisScript(`
local position, log, marker = KEYS[1], KEYS[2], KEYS[3]
if marker then
  local first = redis.call('GET', marker)
  if first then return first end
end
local epoch = redis.call('HGET', position, 'epoch')
if not epoch then
  epoch = ARGV[3]
  redis.call('DEL', log)
  redis.call('HSET', position, 'epoch', epoch)
end
local offset = string.format('%.0f', redis.call('HINCRBY', position, 'offset', 1))
redis.call('XADD', log, 'MAXLEN', ARGV[4], offset .. '-0', 'p', ARGV[2])
redis.call('PEXPIRE', log, ARGV[5])
redis.call('PEXPIRE', position, ARGV[6])
local place = epoch .. ':' .. offset
if marker then redis.call('SET', marker, place, 'PX', ARGV[7]) end
redis.call('PUBLISH', ARGV[1], place .. ':' .. ARGV[2])
return place
`);

/** KEYS position, log; ARGV new epoch, TTL of the position in ms, epoch and offset to read from, most publications, most bytes. */
const sinceScript = new RedisScript(`
local position, log = KEYS[1], KEYS[2]
local now = redis.call('HMGET', position, 'epoch', 'offset')
local epoch, offset = now[1], now[2] or '0'
if not epoch then
  epoch, offset = ARGV[1], '0'
  redis.call('DEL', log)
  redis.call('HSET', position, 'epoch', epoch)
end
redis.call('PEXPIRE', position, ARGV[2])
local reply = {epoch, offset, 0}
local missing = tonumber(offset) - tonumber(ARGV[4])
if ARGV[3] ~= epoch or missing < 0 or missing > tonumber(ARGV[5]) then return reply end
if missing > 0 then
  local from = string.format('%.0f', tonumber(ARGV[4]) + 1)
  local entries = redis.call('XRANGE', log, from .. '-0', '+')
  if #entries ~= missing then return reply end
  local bytes = 0
  for i = 1, #entries do bytes = bytes + #entries[i][2][2] end
  if bytes > tonumber(ARGV[6]) then return reply end
  for i = 1, #entries do reply[3 + i] = entries[i][2][2] end
end
reply[3] = 1
return reply
`);

/** No channel has it: reading from it gives the position and nothing else. */
const noPosition: ChannelPosition = { epoch: "", offset: 0 };

export interface RedisChannelLogOptions {
  readonly redis: Pick<RedisHandles, "commands">;
  readonly random: Pick<Random, "id">;
}

export function createRedisChannelLog({ redis, random }: RedisChannelLogOptions): ChannelLog {
  const read = async (channel: string, from: ChannelPosition) => {
    const { positionTtlMs, recoveryMaxPublications, recoveryMaxBytes } = channelHistory;
    const most = [recoveryMaxPublications, recoveryMaxBytes];
    const args = [newEpoch(random), positionTtlMs, from.epoch, from.offset, ...most];
    const reply = await sinceScript.run(redis.commands, keysOf(channel), args);
    const [epoch, offset, recovered, ...payloads] = reply as [string, string, number, ...string[]];
    const position = { epoch, offset: Number(offset) };
    const publications = payloads.map((payload, index) => ({ offset: from.offset + 1 + index, payload }));
    return recovered === 1 ? ({ recovered: true, position, publications } as const) : { recovered: false, position };
  };
  return {
    publish: async (channel, payload, { idempotencyKey } = {}) => {
      assertPublishable(channel, payload, idempotencyKey);
      const { entries, entriesTtlMs, positionTtlMs, idempotencyTtlMs } = channelHistory;
      const keys = keysOf(channel);
      if (idempotencyKey !== undefined) keys.push(`channels:{${channel}}:sent:${idempotencyKey}`);
      const lifetimes = [entriesTtlMs, positionTtlMs, idempotencyTtlMs];
      const args = [channel, payload, newEpoch(random), entries, ...lifetimes];
      return positionFrom(String(await publishScript.run(redis.commands, keys, args)));
    },
    position: async (channel) => {
      assertChannel(channel);
      return (await read(channel, noPosition)).position;
    },
    since: async (channel, from) => {
      assertChannel(channel);
      assertPosition(from);
      return (await read(channel, from)) as Awaited<ReturnType<ChannelLog["since"]>>;
    },
  };
}

function keysOf(channel: string): string[] {
  return [`channels:{${channel}}:position`, `channels:{${channel}}:log`];
}

function positionFrom(place: string): ChannelPosition {
  const at = place.indexOf(":");
  return { epoch: place.slice(0, at), offset: Number(place.slice(at + 1)) };
}
