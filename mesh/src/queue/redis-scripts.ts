/**
 * The steps of the Redis queue that must not be torn apart, as Lua. Every script works on one queue, whose keys share a
 * hash tag, so it also runs on a cluster. They use nothing newer than Redis 7.0.
 */
import { RedisScript } from "../redis/redis-script.ts";

/** Removes entries that every group has finished. An entry is needed while it is pending or was never delivered. */
const trimFinished = `
local function field(reply, name)
  for i = 1, #reply, 2 do if reply[i] == name then return reply[i + 1] end end
end
local function parts(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(seq), ms
end
local function trimFinished(stream)
  if redis.call('EXISTS', stream) == 0 then return end
  local low, lowMs, lowSeq
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local needed
    if tonumber(field(group, 'pending')) > 0 then
      needed = redis.call('XPENDING', stream, field(group, 'name'))[2]
    else
      local _, seq, ms = parts(field(group, 'last-delivered-id'))
      needed = ms .. '-' .. string.format('%d', seq + 1)
    end
    local ms, seq = parts(needed)
    if not low or ms < lowMs or (ms == lowMs and seq < lowSeq) then low, lowMs, lowSeq = needed, ms, seq end
  end
  if low then redis.call('XTRIM', stream, 'MINID', low) end
end
`;

/** KEYS stream, id marker; ARGV max length, marker lifetime in ms or 0, fields. 1 added, 0 duplicate, -1 full. */
export const enqueueScript = new RedisScript(`${trimFinished}
local stream, marker = KEYS[1], KEYS[2]
if ARGV[2] ~= '0' and redis.call('EXISTS', marker) == 1 then return 0 end
if redis.call('XLEN', stream) >= tonumber(ARGV[1]) then
  trimFinished(stream)
  if redis.call('XLEN', stream) >= tonumber(ARGV[1]) then return -1 end
end
redis.call('XADD', stream, '*', unpack(ARGV, 3))
if ARGV[2] ~= '0' then redis.call('SET', marker, '1', 'PX', ARGV[2]) end
return 1
`);

/** KEYS stream; ARGV group, entry id, 1 to trim as well. */
export const completeScript = new RedisScript(`${trimFinished}
local acked = redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
if ARGV[3] == '1' then trimFinished(KEYS[1]) end
return acked
`);

/**
 * Whose is this delivery? `stolen` only if another consumer holds it. A delivery that nobody holds vanished with the data
 * of Redis, and then only its consumer can still finish it.
 */
const owner = `
local function isStolen(stream, group, id, consumer)
  local pending = redis.pcall('XPENDING', stream, group, id, id, 1)
  if pending.err then return false, nil end
  if #pending == 0 then return false, nil end
  return pending[1][2] ~= consumer, pending[1]
end
`;

/** KEYS stream; ARGV group, id, consumer, idle ms, attempt or 0 to keep it. 1 ours or vanished, 0 stolen. */
export const renewScript = new RedisScript(`${owner}
local stolen, pending = isStolen(KEYS[1], ARGV[1], ARGV[2], ARGV[3])
if stolen then return 0 end
if pending then
  local attempt = ARGV[5] == '0' and pending[4] or ARGV[5]
  redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[2], 'IDLE', ARGV[4], 'RETRYCOUNT', attempt, 'JUSTID')
end
return 1
`);

/**
 * KEYS stream, dead letters; ARGV group, id, consumer, most dead letters, fields. Gives -1 when stolen, else the number
 * of old dead letters that had to go.
 */
export const buryScript = new RedisScript(`${owner}
if isStolen(KEYS[1], ARGV[1], ARGV[2], ARGV[3]) then return -1 end
redis.pcall('XACK', KEYS[1], ARGV[1], ARGV[2])
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5))
if redis.call('XLEN', KEYS[2]) <= tonumber(ARGV[4]) then return 0 end
return redis.call('XTRIM', KEYS[2], 'MAXLEN', ARGV[4])
`);

/** KEYS dead letters, stream; ARGV dead letter id. 1 when the job is queued again, for the group that failed. */
export const redriveScript = new RedisScript(`
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
local fields, again = found[1][2], {}
local hasJob = false
for i = 1, #fields, 2 do
  local name = fields[i]
  if name == 'id' or name == 'type' or name == 'payload' or name == 'at' or name == 'correlation' then
    again[#again + 1] = name
    again[#again + 1] = fields[i + 1]
  elseif name == 'group' then
    again[#again + 1] = 'only'
    again[#again + 1] = fields[i + 1]
  end
  if name == 'payload' then hasJob = true end
end
if not hasJob then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(again))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
`);

/** KEYS stream; ARGV group, consumer. Removes a consumer that holds nothing; with pending entries they would be lost. */
export const retireConsumerScript = new RedisScript(`
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2])
if pending.err or #pending > 0 then return 0 end
redis.pcall('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
`);
