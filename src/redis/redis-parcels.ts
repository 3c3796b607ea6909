import { SUSPECT_CRASHES } from '../contracts/delivery.js';

/** What every claim needs that holds what it takes by a lease. */
export const HOLDING = `
local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end

-- The first of n numbers. They begin at the time, so that none comes again after everything was deleted.
local function numbers(seq, n)
  local last = redis.call('INCRBY', seq, n)
  if last == n then
    local t = redis.call('TIME')
    last = redis.call('INCRBY', seq, string.format('%.0f', t[1] * 1000000 + t[2]))
  end
  return last - n + 1
end

-- lease: { number of the first message, parcels, how many messages, these packed }; in the order of their index
local function hold(keys, token, until_, lease)
  redis.call('HSET', keys.held, token, cmsgpack.pack(lease))
  redis.call('ZADD', keys.leases, until_, token)
end
`;

/**
 * What Redis cannot follow by itself is a parcel: a retry, what was handed back, what a dead worker held. Claimed parcels
 * (and, on lists, the messages claimed beside them) are held by the lease of their claim, one record for all of them.
 *
 * A parcel is packed as { attempts, crashes, target, message, publishedAt, body }; `''` where it has none of these. Bodies
 * are strings of bytes that no script looks into.
 */
export const PARCELS = `${HOLDING}
-- Of one length, so that they sort as they were given.
local function name(number)
  return string.format('%016.0f', number)
end

local function bit_at(bits, index)
  local byte = string.byte(bits, math.floor(index / 8) + 1) or 0
  return math.floor(byte / 2 ^ (index % 8)) % 2 == 1
end

-- When the first of what this script put somewhere is due.
local soonest

local function expect(due)
  if not soonest or due < soonest then soonest = due end
end

-- Says on a channel of the key's name in how many ms. Where that is not allowed, others find it when they look.
local function tell(key, t)
  if soonest then redis.pcall('SPUBLISH', key, string.format('%.0f', math.max(soonest - t, 0))) end
end

local function put(keys, id, due, parcel)
  redis.call('HSET', keys.parcels, id, cmsgpack.pack(parcel))
  redis.call('ZADD', keys.due, string.format('%.0f', due), id)
  expect(due)
end

-- A parcel that is due, one attempt on. Fields: id, parcel
local function take_due(keys, t, max)
  local taken = {}
  if max <= 0 then return taken end
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', keys.due, '-inf', t, 'LIMIT', 0, max)) do
    local packed = redis.call('HGET', keys.parcels, id)
    redis.call('ZREM', keys.due, id)
    redis.call('HDEL', keys.parcels, id)
    if packed then
      local parcel = cmsgpack.unpack(packed)
      parcel[1] = parcel[1] + 1
      parcel[7] = id
      taken[#taken + 1] = parcel
    end
  end
  return taken
end

local function drop(keys, token)
  redis.call('ZREM', keys.leases, token)
  redis.call('HDEL', keys.held, token)
  redis.call('HDEL', keys.done, token)
end

-- What is not settled becomes ready again. crashed: its worker died; otherwise the claim never reached one.
local function give_back(keys, token, t, crashed)
  local packed = redis.call('HGET', keys.held, token)
  if packed then
    local lease = cmsgpack.unpack(packed)
    local done = redis.call('HGET', keys.done, token) or ''
    local first, parcels, messages = lease[1], lease[2], cmsgpack.unpack(lease[4])
    for index = 0, #parcels + #messages - 1 do
      if not bit_at(done, index) then
        local parcel = parcels[index + 1] or { 1, 0, '', '', '', messages[index + 1 - #parcels], name(first + index - #parcels) }
        local id = table.remove(parcel, 7)
        if not crashed then
          parcel[1] = parcel[1] - 1
        elseif parcel[2] < ${SUSPECT_CRASHES} then
          parcel[2] = parcel[2] + 1
        end
        put(keys, id, t, parcel)
      end
    end
  end
  drop(keys, token)
end

-- Everything whose lease has run out; those of its own that the asker still knows are late, not lost.
local function reap(keys, t, known)
  for _, token in ipairs(redis.call('ZRANGEBYSCORE', keys.leases, '-inf', t, 'LIMIT', 0, 20)) do
    if not string.find(known, ' ' .. token .. ' ', 1, true) then give_back(keys, token, t, true) end
  end
end

-- Ms until something is due; -1: nothing is.
local function next_due(t, ...)
  local soonest = -1
  for _, key in ipairs({ ... }) do
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    if first[2] then
      local ms = math.max(math.ceil(tonumber(first[2]) - t), 0)
      if soonest < 0 or ms < soonest then soonest = ms end
    end
  end
  return soonest
end

-- One successor; its arguments begin at ARGV[at]. Returns where the next begins.
local function succeed(keys, t, at)
  local kind = ARGV[at]
  if kind == 'parcel' then
    -- id ('': a new one), delay, attempts, crashes, target, message, publishedAt, body
    local id = ARGV[at + 1]
    if id == '' then id = name(numbers(keys.seq, 1)) end
    put(keys, id, t + tonumber(ARGV[at + 2]), {
      tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4]), ARGV[at + 5], ARGV[at + 6], ARGV[at + 7], ARGV[at + 8],
    })
    return at + 9
  end
  -- facts, body
  local id = name(numbers(keys.seq, 1))
  redis.call('ZADD', keys.graves, string.format('%.0f', t), id)
  redis.call('HSET', keys.dead, id, ARGV[at + 1])
  redis.call('HSET', keys.dead_bodies, id, ARGV[at + 2])
  return at + 3
end

-- Settlements within leases. Arguments from ARGV[at]: how many leases, then for each
--   token, its settled bits ('': all are), how many messages have successors, then for each of those
--     index, how many successors, and these
-- Returns the tokens that are not held any more.
local function settle(keys, t, at)
  local lost = {}
  local leases = tonumber(ARGV[at])
  at = at + 1
  for _ = 1, leases do
    local token, bits, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
    at = at + 3
    local ours = redis.call('ZSCORE', keys.leases, token)
    local done = ours and count > 0 and redis.call('HGET', keys.done, token) or ''
    if not ours then lost[#lost + 1] = token end
    for _ = 1, count do
      local index, successors = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
      at = at + 2
      -- Sent again because the answer was lost: it is there already.
      local skip = not ours or bit_at(done, index)
      for _ = 1, successors do
        if skip then at = at + (ARGV[at] == 'parcel' and 9 or 3) else at = succeed(keys, t, at) end
      end
    end
    if ours and bits == '' then
      drop(keys, token)
    elseif ours then
      redis.call('HSET', keys.done, token, bits)
    end
  end
  return lost
end

-- What was taken from the dead and is not taken by this claim is for others.
local function tell_rest(keys, t)
  if soonest and redis.call('EXISTS', keys.due) == 1 then tell(keys.due, t) end
end
`;
