import { PARCELS } from '../../redis/redis-parcels.js';
import { RedisScript } from '../../redis/redis-script.js';
import { FIELD } from './redis-streams-entry.js';

const DRAINING = { allowOom: true };

const STREAMS_HEAD = `
-- What an XREADGROUP brought: ids and bodies, both packed; in place of a body the fields of an entry that thrun did not write.
local function pieces(reply)
  local ids, bodies = {}, {}
  for index, entry in ipairs(reply and reply[1] and reply[1][2] or {}) do
    local id, fields = entry[1], entry[2]
    ids[index] = id
    bodies[index] = #fields == 2 and fields[1] == '${FIELD}' and fields[2] or fields
  end
  return { cmsgpack.pack(ids), cmsgpack.pack(bodies) }
end
`;

const STREAMS = `
-- A field of the flat list that XINFO answers with.
local function field(info, name)
  for at = 1, #info, 2 do
    if info[at] == name then return info[at + 1] end
  end
end

local function group_named(stream, name)
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    if field(info, 'name') == name then return info end
  end
end

-- How many have left the stream by any way.
local function departed(stream)
  local info = redis.call('XINFO', 'STREAM', stream)
  return field(info, 'entries-added') - field(info, 'length'), field(info, 'entries-added')
end

local function after(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return ms .. '-' .. string.format('%.0f', tonumber(seq) + 1)
end

-- Entries that every group has settled are deleted, up to the first that one of them has not. history: ms for which they are
-- kept all the same.
local function trim(stream, history)
  local least
  for _, info in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local pending = redis.call('XPENDING', stream, field(info, 'name'))
    local id = pending[1] > 0 and pending[2] or after(field(info, 'last-delivered-id'))
    local ms, seq = string.match(id, '(%d+)-(%d+)')
    ms, seq = tonumber(ms), tonumber(seq)
    if not least or ms < least[1] or (ms == least[1] and seq < least[2]) then least = { ms, seq, id } end
  end
  if not least then return end
  local from = history > 0 and math.max(now() - history, 0)
  local id = from and from < least[1] and string.format('%.0f', from) or least[3]
  redis.call('XTRIM', stream, 'MINID', '=', id)
end

-- How many entries a consumer holds.
local function holds(stream, group, consumer)
  local pending = redis.pcall('XPENDING', stream, group)
  for _, one in ipairs(pending[4] or {}) do
    if one[1] == consumer then return tonumber(one[2]) end
  end
  return 0
end

-- Entries that somebody of the group holds become parcels. Returns how many do not: they were deleted from the stream.
local function take_over(keys, stream, group, by, queue, t, crashed, ids)
  local entries = redis.call('XCLAIM', stream, group, by, 0, unpack(ids))
  for _, entry in ipairs(entries) do
    if entry then
      local id, fields = entry[1], entry[2]
      local body = #fields == 2 and fields[1] == '${FIELD}' and fields[2] or fields
      local attempts, crashes = 0, 0
      if crashed then attempts, crashes = 1, 1 end
      put(keys, name(numbers(keys.seq, 1)), t,
        { attempts, crashes, '', queue .. ':' .. id, string.match(id, '%d+'), body })
    end
  end
  redis.call('XACK', stream, group, unpack(ids))
  return #ids - #entries
end

-- Ms until another consumer counts as dead; -1: there is none.
local function next_death(consumers, me, t)
  for at = 0, 1 do
    local first = redis.call('ZRANGE', consumers, at, at, 'WITHSCORES')
    if first[1] and first[1] ~= me then return math.max(math.ceil(tonumber(first[2]) - t), 0) end
  end
  return -1
end

-- Dead consumers leave nothing behind: first their entries, then they themselves.
local function bury_consumers(keys, stream, group, me, queue, t)
  local deleted = 0
  for _, dead in ipairs(redis.call('ZRANGEBYSCORE', keys.consumers, '-inf', t, 'LIMIT', 0, 5)) do
    if dead ~= me then
      for _ = 1, 20 do
        local ids = {}
        for _, pending in ipairs(redis.call('XPENDING', stream, group, '-', '+', 100, dead)) do ids[#ids + 1] = pending[1] end
        if #ids == 0 then
          redis.call('XGROUP', 'DELCONSUMER', stream, group, dead)
          redis.call('ZREM', keys.consumers, dead)
          break
        end
        deleted = deleted + take_over(keys, stream, group, me, queue, t, true, ids)
      end
    end
  end
  return deleted
end
`;

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

/**
 * First deliveries, some with a time of their own.
 *
 * KEYS stream seq scheduled scheduled:bodies · ARGV due ms or 0, body, …
 */
export const add = new RedisScript<null>(
  { allowOom: false },
  PARCELS,
  `
local stream, seq, scheduled, bodies = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local t = now()
for at = 1, #ARGV, 2 do
  if tonumber(ARGV[at]) <= t then
    redis.call('XADD', stream, '*', '${FIELD}', ARGV[at + 1])
  else
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
