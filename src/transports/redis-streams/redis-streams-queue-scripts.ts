import { PARCELS } from '../../redis/redis-parcels.js';
import { RedisScript } from '../../redis/redis-script.js';
import { FIELD } from './redis-streams-entry.js';
import { DRAINING, STREAMS } from './redis-streams-lua.js';

/**
 * First deliveries, some with a time of their own. The first that is due stands for all of them: where the server knows it
 * again, they are all there.
 *
 * KEYS stream seq scheduled scheduled:bodies · ARGV producer ('': nothing is known again), number, then for each: due ms or 0, body
 */
export const add = new RedisScript<null>(
  { allowOom: false },
  PARCELS,
  `
local stream, seq, scheduled, bodies = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local producer, number = ARGV[1], ARGV[2]
local t = now()
local isFirst = producer ~= ''
for at = 3, #ARGV, 2 do
  if tonumber(ARGV[at]) <= t then
    if isFirst then
      local length = redis.call('XLEN', stream)
      redis.call('XADD', stream, 'IDMP', producer, number, '*', '${FIELD}', ARGV[at + 1])
      if redis.call('XLEN', stream) == length then return end
      isFirst = false
    else
      redis.call('XADD', stream, '*', '${FIELD}', ARGV[at + 1])
    end
  end
end
for at = 3, #ARGV, 2 do
  if tonumber(ARGV[at]) > t then
    local id = name(numbers(seq, 1))
    redis.call('ZADD', scheduled, ARGV[at], id)
    redis.call('HSET', bodies, id, ARGV[at + 1])
    expect(tonumber(ARGV[at]))
  end
end
tell(scheduled, t)
`,
);

/**
 * What a stream has. KEYS stream scheduled · Returns { length, time of the first or '', scheduled, for each group its name,
 * what it has not read, what it has not settled, time of the first it has not read or '' }
 */
export const look = new RedisScript<[number, Buffer, number, ...(Buffer | number)[]]>(
  DRAINING,
  STREAMS,
  `
local stream = KEYS[1]
local scheduled = redis.call('ZCARD', KEYS[2])
if redis.call('EXISTS', stream) == 0 then return { 0, '', scheduled } end
local function time_after(id)
  local first = redis.call('XRANGE', stream, id, '+', 'COUNT', 1)[1]
  return first and string.match(first[1], '%d+') or ''
end
local reply = { redis.call('XLEN', stream), time_after('-'), scheduled }
for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
  local last = '(' .. field(info, 'last-delivered-id')
  -- Where entries were deleted Redis does not know how many are left to read.
  local unread = field(info, 'lag') or #redis.call('XRANGE', stream, last, '+')
  for _, value in ipairs({ field(info, 'name'), unread, field(info, 'pending'), time_after(last) }) do
    reply[#reply + 1] = value
  end
end
return reply
`,
);

/**
 * Deletes what waits: what no group has read, and the parcels of all; the history goes with it. A message that several groups
 * wait for counts once.
 *
 * KEYS stream scheduled scheduled:bodies, then due and parcels of each group · ARGV queue · Returns how many.
 */
export const purge = new RedisScript<number>(
  DRAINING,
  STREAMS,
  `
local stream, queue = KEYS[1], ARGV[1]
local count = redis.call('ZCARD', KEYS[2])
redis.call('DEL', KEYS[2], KEYS[3])
local least
if redis.call('EXISTS', stream) == 1 then
  local groups = redis.call('XINFO', 'GROUPS', stream)
  local _, added = departed(stream)
  local unread = #groups == 0 and redis.call('XLEN', stream) or 0
  for _, info in ipairs(groups) do
    local last = field(info, 'last-delivered-id')
    local ms, seq = string.match(last, '(%d+)-(%d+)')
    ms, seq = tonumber(ms), tonumber(seq)
    if not least or ms < least[1] or (ms == least[1] and seq < least[2]) then least = { ms, seq } end
    unread = math.max(unread, field(info, 'lag') or #redis.call('XRANGE', stream, '(' .. last, '+'))
    redis.call('XGROUP', 'SETID', stream, field(info, 'name'), '$', 'ENTRIESREAD', string.format('%.0f', added))
  end
  count = count + unread
  if #groups == 0 then redis.call('XTRIM', stream, 'MAXLEN', 0) else trim(stream, 0) end
end
local seen = {}
for at = 4, #KEYS, 2 do
  for _, packed in ipairs(redis.call('HVALS', KEYS[at + 1])) do
    local message = cmsgpack.unpack(packed)[4]
    local own = string.sub(message, 1, #queue + 1) == queue .. ':' and string.sub(message, #queue + 2) or ''
    local ms, seq = string.match(own, '^(%d+)-(%d+)$')
    ms, seq = tonumber(ms), tonumber(seq)
    local counted = ms and least and (ms > least[1] or (ms == least[1] and seq > least[2]))
    if not counted and not seen[message] then count = count + 1 end
    seen[message] = true
  end
  redis.call('DEL', KEYS[at], KEYS[at + 1])
end
return count
`,
);
