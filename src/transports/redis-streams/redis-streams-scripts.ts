import { PARCELS } from '../../redis/redis-parcels.js';
import { RedisScript } from '../../redis/redis-script.js';
import { FIELD } from './redis-streams-entry.js';
import { DRAINING, STREAMS, STREAMS_HEAD } from './redis-streams-lua.js';

/**
 * Registers a group, the first one of a stream from its beginning, a later one from now on, and a consumer.
 *
 * KEYS stream groups consumers · ARGV group, consumer, lease ms, whether it is made again after it was lost
 * Returns whether the group was made.
 */
export const join = new RedisScript<number>(
  DRAINING,
  PARCELS,
  STREAMS,
  `
local stream, group = KEYS[1], ARGV[1]
local exists = redis.call('EXISTS', stream) == 1
local made = 0
if not exists or not group_named(stream, group) then
  local from, read = '0', 0
  if exists then
    local gone, added = departed(stream)
    local later = false
    for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
      -- Groups of other programs do not make ours a later one.
      later = later or redis.call('HGET', KEYS[2], field(info, 'name')) == '1'
    end
    later = later and ARGV[4] == '0'
    from, read = later and '$' or '0', later and added or gone
  end
  redis.call('XGROUP', 'CREATE', stream, group, from, 'MKSTREAM', 'ENTRIESREAD', string.format('%.0f', read))
  made = 1
end
redis.call('HSET', KEYS[2], group, '1')
redis.call('ZADD', KEYS[3], now() + tonumber(ARGV[3]), ARGV[2])
return made
`,
);

/**
 * Takes up to `max`: what others lost, what is due, then the stream, in one step.
 *
 * KEYS stream seq scheduled scheduled:bodies · leases held done due parcels consumers
 * ARGV token, tokens the asker holds, tokens whose claim was never answered, max, lease ms, group, consumer, queue,
 *   history to keep, ms (-1: do not trim)
 * Returns { ms until something is due or -1, how many lost entries had been deleted, how many were deleted before this
 *   group read them, how many parcels, the fields of each, entries as `read` gives them }
 */
export const claim = new RedisScript<ClaimReply>(
  DRAINING,
  PARCELS,
  STREAMS_HEAD,
  STREAMS,
  `
local stream, scheduled, bodies = KEYS[1], KEYS[3], KEYS[4]
local keys = {
  seq = KEYS[2], leases = KEYS[5], held = KEYS[6], done = KEYS[7], due = KEYS[8], parcels = KEYS[9], consumers = KEYS[10],
}
local token, known, unanswered, max, lease_ms = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local group, me, queue = ARGV[6], ARGV[7], ARGV[8]
local t = now()

redis.call('ZADD', keys.consumers, 'XX', t + lease_ms, me)
for lost in string.gmatch(unanswered, '%S+') do give_back(keys, lost, t, false) end
reap(keys, t, known)
local deleted = bury_consumers(keys, stream, group, me, queue, t)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', scheduled, '-inf', t, 'LIMIT', 0, 1000)) do
  redis.call('XADD', stream, '*', '${FIELD}', redis.call('HGET', bodies, id))
  redis.call('ZREM', scheduled, id)
  redis.call('HDEL', bodies, id)
end

local history = tonumber(ARGV[9])
if history >= 0 and redis.call('EXISTS', stream) == 1 then trim(stream, history) end
local info = group_named(stream, group)
local read = info and field(info, 'entries-read')
local passed_by = read and math.max(departed(stream) - read, 0) or 0

local parcels = take_due(keys, t, max)
if #parcels > 0 then hold(keys, token, t + lease_ms, { 0, parcels, 0, cmsgpack.pack({}) }) end
local entries
if #parcels < max then
  entries = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', max - #parcels, 'STREAMS', stream, '>')
end

tell_rest(keys, t)
local soon = next_due(t, keys.due, keys.leases, scheduled)
local death = next_death(keys.consumers, me, t)
if soon < 0 or (death >= 0 and death < soon) then soon = death end
local reply = { soon, deleted, passed_by, #parcels }
for _, parcel in ipairs(parcels) do
  reply[#reply + 1] = parcel[7]
  for at = 1, 6 do reply[#reply + 1] = parcel[at] end
end
reply[#reply + 1] = pieces(entries)
return reply
`,
);

/**
 * The hot path: nothing but the stream. KEYS stream · ARGV group, consumer, max
 * Returns { ids, bodies or in their place fields and values }, both packed
 */
export const read = new RedisScript<Entries>(
  DRAINING,
  STREAMS_HEAD,
  `
return pieces(redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>'))
`,
);

export type Entries = [ids: Buffer, bodies: Buffer];
export type ClaimReply = [number, number, number, number, ...unknown[]];

/**
 * Writes settlements: of entries, and of claims as on lists.
 *
 * KEYS stream seq dead dead:bodies · leases held done due parcels graves
 * ARGV group, consumer, how many entries it knows to hold, history to keep, ms (-1: do not trim), ids of entries that are simply
 *   done with spaces between, how many leave something behind, for each of those its id, how many successors, and these; then see
 *   `settle` in the common part
 * Returns the ids and tokens of those that somebody else has by now.
 */
export const settle = new RedisScript<Buffer[]>(
  DRAINING,
  PARCELS,
  STREAMS,
  `
local stream, group = KEYS[1], ARGV[1]
local keys = {
  seq = KEYS[2], dead = KEYS[3], dead_bodies = KEYS[4],
  leases = KEYS[5], held = KEYS[6], done = KEYS[7], due = KEYS[8], parcels = KEYS[9], graves = KEYS[10],
}
local t = now()
local lost, done = {}, {}
for id in string.gmatch(ARGV[5], '%S+') do done[#done + 1] = id end
-- Where it holds what it knows of, none is lost. Else each is asked for by itself.
local step = #done > 0 and holds(stream, group, ARGV[2]) == tonumber(ARGV[3]) and 1000 or 1
for from = 1, #done, step do
  local to = math.min(from + step - 1, #done)
  if redis.call('XACK', stream, group, unpack(done, from, to)) == 0 then lost[#lost + 1] = done[from] end
end
local at = 7
for _ = 1, tonumber(ARGV[6]) do
  local id, successors = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  local ours = redis.call('XACK', stream, group, id) == 1
  if not ours then lost[#lost + 1] = id end
  for _ = 1, successors do
    if ours then at = succeed(keys, t, at) else at = at + (ARGV[at] == 'parcel' and 9 or 3) end
  end
end
for _, token in ipairs(settle(keys, t, at)) do lost[#lost + 1] = token end
tell(keys.due, t)
local history = tonumber(ARGV[4])
if history >= 0 and redis.call('EXISTS', stream) == 1 then trim(stream, history) end
return lost
`,
);

/**
 * This consumer lives. What the group's stream knows of consumers that nobody vouches for is given one lease's time.
 *
 * KEYS stream consumers · ARGV group, consumer, lease ms
 * Returns whether it was still believed to live; if not, all it held is somebody else's.
 */
export const live = new RedisScript<number>(
  DRAINING,
  PARCELS,
  STREAMS,
  `
local stream, consumers, group, me = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local until_ = now() + tonumber(ARGV[3])
local known = redis.call('ZSCORE', consumers, me)
redis.call('ZADD', consumers, until_, me)
if redis.call('EXISTS', stream) == 1 and group_named(stream, group) then
  for _, info in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    redis.call('ZADD', consumers, 'NX', until_, field(info, 'name'))
  end
end
return known and 1 or 0
`,
);

/**
 * Entries that this consumer holds by the stream's account and not by its own: the answer that brought them was lost.
 *
 * KEYS stream seq due parcels · ARGV group, consumer, queue, ids …
 */
export const giveBackEntries = new RedisScript<number>(
  DRAINING,
  PARCELS,
  STREAMS,
  `
local keys = { seq = KEYS[2], due = KEYS[3], parcels = KEYS[4] }
local ids = {}
for at = 4, #ARGV do ids[#ids + 1] = ARGV[at] end
local t = now()
local deleted = take_over(keys, KEYS[1], ARGV[1], ARGV[2], ARGV[3], t, false, ids)
tell(keys.due, t)
return deleted
`,
);

/** Leaves, unless entries are still held. KEYS stream consumers · ARGV group, consumer, history to keep, ms */
export const leave = new RedisScript<number>(
  DRAINING,
  PARCELS,
  STREAMS,
  `
local stream, group, me = KEYS[1], ARGV[1], ARGV[2]
if redis.call('EXISTS', stream) == 1 and group_named(stream, group) then
  if #redis.call('XPENDING', stream, group, '-', '+', 1, me) > 0 then return 0 end
  redis.call('XGROUP', 'DELCONSUMER', stream, group, me)
  trim(stream, tonumber(ARGV[3]))
end
redis.call('ZREM', KEYS[2], me)
return 1
`,
);
