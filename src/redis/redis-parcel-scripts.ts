import { PARCELS } from './redis-parcels.js';
import { RedisScript } from './redis-script.js';

/** Steps that are the same on every transport that keeps parcels. */

const DRAINING = { allowOom: true };

/**
 * Extends leases. KEYS leases · ARGV lease ms, tokens …
 * Returns the tokens that are not held any more.
 */
export const extend = new RedisScript<Buffer[]>(
  DRAINING,
  PARCELS,
  `
local lost, until_ = {}, string.format('%.0f', now() + tonumber(ARGV[1]))
for at = 2, #ARGV do
  if redis.call('ZSCORE', KEYS[1], ARGV[at]) then
    redis.call('ZADD', KEYS[1], until_, ARGV[at])
  else
    lost[#lost + 1] = ARGV[at]
  end
end
return lost
`,
);

/**
 * A holder is dead: its claims have run out, and on streams nobody believes it to live. KEYS leases due consumers · ARGV holder
 */
export const bury = new RedisScript<null>(
  DRAINING,
  PARCELS,
  `
local prefix = ARGV[1] .. '.'
for _, token in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.sub(token, 1, #prefix) == prefix then redis.call('ZADD', KEYS[1], 0, token) end
end
redis.call('ZADD', KEYS[3], 'XX', 0, ARGV[1])
local t = now()
expect(t)
tell(KEYS[2], t)
`,
);

/** A suspect is about to run: from here on its worker's death counts. KEYS held leases · ARGV token, index, crashes */
export const begin = new RedisScript<number>(
  DRAINING,
  `
local packed = redis.call('HGET', KEYS[1], ARGV[1])
if not packed then return 0 end
local lease = cmsgpack.unpack(packed)
local parcel = lease[2][tonumber(ARGV[2]) + 1]
if not parcel then return 0 end
parcel[2] = tonumber(ARGV[3]) + 1
redis.call('HSET', KEYS[1], ARGV[1], cmsgpack.pack(lease))
return 1
`,
);

/**
 * Puts parcels into another queue, for a group that may not consume there yet. Told twice, it is done once.
 *
 * KEYS groups due parcels · ARGV group, then for each: id, delay, attempts, crashes, target, message, publishedAt, body
 */
export const park = new RedisScript<null>(
  DRAINING,
  PARCELS,
  `
local keys = { due = KEYS[2], parcels = KEYS[3] }
local t = now()
redis.call('HSETNX', KEYS[1], ARGV[1], '0')
for at = 2, #ARGV, 8 do
  if redis.call('HEXISTS', keys.parcels, ARGV[at]) == 0 then
    put(keys, ARGV[at], t + tonumber(ARGV[at + 1]), {
      tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], ARGV[at + 7],
    })
  end
end
tell(keys.due, t)
`,
);

/** Deletes a group's parcels that wait. KEYS due parcels · Returns how many there were. */
export const purgeParcels = new RedisScript<number>(
  DRAINING,
  `
local count = redis.call('ZCARD', KEYS[1])
redis.call('DEL', KEYS[1], KEYS[2])
return count
`,
);

/**
 * What a group has. KEYS leases held done due parcels graves
 * Returns { ready, in flight, delayed, dead, ms until the next is due or -1, publishing time of the oldest that is ready or '' }
 */
export const lookAtGroup = new RedisScript<[number, number, number, number, number, Buffer]>(
  DRAINING,
  PARCELS,
  `
local t = now()
local in_flight = 0
for _, token in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local packed = redis.call('HGET', KEYS[2], token)
  if packed then
    local lease = cmsgpack.unpack(packed)
    local done = redis.call('HGET', KEYS[3], token) or ''
    for index = 0, #lease[2] + lease[3] - 1 do
      if not bit_at(done, index) then in_flight = in_flight + 1 end
    end
  end
end
local ready = redis.call('ZCOUNT', KEYS[4], '-inf', t)
local later = redis.call('ZRANGEBYSCORE', KEYS[4], '(' .. string.format('%.0f', t), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
local oldest = ''
local first = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', t, 'LIMIT', 0, 1)
if first[1] then
  local packed = redis.call('HGET', KEYS[5], first[1])
  -- Where the transport knows no times, since when it has been ready is the next best.
  oldest = packed and cmsgpack.unpack(packed)[5] or ''
  if oldest == '' then oldest = redis.call('ZSCORE', KEYS[4], first[1]) end
end
return {
  ready, in_flight, redis.call('ZCARD', KEYS[4]) - ready, redis.call('ZCARD', KEYS[6]),
  later[2] and math.max(math.ceil(tonumber(later[2]) - t), 0) or -1, oldest,
}
`,
);

/**
 * Dead letters back to their group. KEYS seq dead dead:bodies · due parcels graves
 * ARGV for each: number, target, message, publishedAt · Returns how many there were.
 */
export const revive = new RedisScript<number>(
  DRAINING,
  PARCELS,
  `
local keys = { due = KEYS[4], parcels = KEYS[5] }
local t, count = now(), 0
for at = 1, #ARGV, 4 do
  local body = redis.call('HGET', KEYS[3], ARGV[at])
  if body and redis.call('ZREM', KEYS[6], ARGV[at]) == 1 then
    put(keys, name(numbers(KEYS[1], 1)), t, { 0, 0, ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], body })
    redis.call('HDEL', KEYS[2], ARGV[at])
    redis.call('HDEL', KEYS[3], ARGV[at])
    count = count + 1
  end
end
tell(keys.due, t)
return count
`,
);

/** Deletes dead letters. KEYS dead dead:bodies graves · ARGV numbers … · Returns how many there were. */
export const forget = new RedisScript<number>(
  DRAINING,
  `
local count = 0
for _, id in ipairs(ARGV) do
  count = count + redis.call('ZREM', KEYS[3], id)
  redis.call('HDEL', KEYS[1], id)
  redis.call('HDEL', KEYS[2], id)
end
return count
`,
);
