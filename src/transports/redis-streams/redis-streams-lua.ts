import { FIELD } from './redis-streams-entry.js';

/** Takes work off the server, so it runs at the memory limit as well. */
export const DRAINING = { allowOom: true };

/** With more than this in hand the stream is not searched for what lies between: that takes a tenth of a microsecond for each. */
const MOST_HELD = 10_000;

/** For those that read. */
export const STREAMS_HEAD = `
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

/** What several scripts do with a stream. */
export const STREAMS = `
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

-- Whether the server has this command. Where that may not be asked, it has not.
local function knows(command)
  return redis.pcall('COMMAND', 'INFO', command)[1]
end

-- Entries that every group has settled are deleted, up to the first that one of them has not; from Redis 8.2 on those behind
-- it as well. history: ms for which they are kept all the same, without holes.
local function trim(stream, history)
  local groups = redis.call('XINFO', 'GROUPS', stream)
  local held, least = 0, nil
  for _, info in ipairs(groups) do held = held + field(info, 'pending') end
  local leaves_held = held > 0 and held <= ${MOST_HELD} and history == 0 and knows('XACKDEL')
  for _, info in ipairs(groups) do
    local id = after(field(info, 'last-delivered-id'))
    if field(info, 'pending') > 0 and not leaves_held then id = redis.call('XPENDING', stream, field(info, 'name'))[2] end
    local ms, seq = string.match(id, '(%d+)-(%d+)')
    ms, seq = tonumber(ms), tonumber(seq)
    if not least or ms < least[1] or (ms == least[1] and seq < least[2]) then least = { ms, seq, id } end
  end
  if not least then return end
  local from = history > 0 and math.max(now() - history, 0)
  local id = from and from < least[1] and string.format('%.0f', from) or least[3]
  if leaves_held then
    redis.call('XTRIM', stream, 'MINID', '=', id, 'ACKED')
  else
    redis.call('XTRIM', stream, 'MINID', '=', id)
  end
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
