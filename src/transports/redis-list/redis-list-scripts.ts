import { HOLDING, PARCELS } from '../../redis/redis-parcels.js';
import { RedisScript } from '../../redis/redis-script.js';

/** Most bytes one claim takes out of the list, so that large messages do not come by the hundred. */
const CLAIM_BYTES = 4 * 1024 ** 2;

const DRAINING = { allowOom: true };

/** A list knows no times. Marks say how many had been pushed by when; the first beyond what was popped tells the age. */
const MARKS = `
local function mark(list, marks, popped_key, t)
  local length = redis.call('LLEN', list)
  if length == 0 then
    redis.call('DEL', marks)
    return
  end
  local popped = tonumber(redis.call('GET', popped_key) or 0)
  local newest = redis.call('ZREVRANGE', marks, 0, 0, 'WITHSCORES')
  -- Somebody else took from the list: the count no longer fits.
  if newest[2] and tonumber(newest[2]) > popped + length then
    redis.call('DEL', marks)
    newest = {}
  end
  redis.call('ZREMRANGEBYSCORE', marks, '-inf', popped)
  local oldest = redis.call('ZRANGE', marks, 0, 0)
  -- The older the oldest, the further apart: their number stays small.
  local pause = math.max(1000, (t - tonumber(oldest[1] or t)) / 100)
  if not newest[1] or (tonumber(newest[2]) < popped + length and t - tonumber(newest[1]) >= pause) then
    redis.call('ZADD', marks, popped + length, string.format('%.0f', t))
  end
end
`;

/** Takes from the list, no more than one claim may have, and numbers it. */
const POP = `
local function pop(list, seq, popped, most)
  local messages, bytes, left = {}, 0, most
  local chunk = 8
  while left > 0 and bytes < ${CLAIM_BYTES} do
    local asked = math.min(left, chunk)
    local got = redis.call('RPOP', list, asked)
    if not got then break end
    for _, body in ipairs(got) do
      messages[#messages + 1] = body
      bytes = bytes + #body
    end
    left = left - #got
    if #got < asked then break end
    chunk = math.max(1, math.floor((${CLAIM_BYTES} - bytes) / (bytes / #messages + 1)))
  end

  local first = 0
  if #messages > 0 then
    first = numbers(seq, #messages)
    redis.call('INCRBY', popped, #messages)
  end
  return messages, first
end
`;

/**
 * Takes up to `max`: what others lost, what is due, then the list, in one step.
 *
 * KEYS list seq scheduled scheduled:bodies marks popped · leases held done due parcels
 * ARGV token, tokens the asker holds (' a b '), tokens whose claim was never answered, max, lease ms
 * Returns { ms until something is due or -1, number of the first message, how many parcels, of each parcel id, attempts,
 *   crashes, target, message, publishedAt, body; how many messages, these packed }
 */
export const claim = new RedisScript<ClaimReply>(
  DRAINING,
  PARCELS,
  POP,
  MARKS,
  `
local list, seq, scheduled, scheduled_bodies, marks, popped = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local keys = { leases = KEYS[7], held = KEYS[8], done = KEYS[9], due = KEYS[10], parcels = KEYS[11] }
local token, known, unanswered = ARGV[1], ARGV[2], ARGV[3]
local max, lease_ms = tonumber(ARGV[4]), tonumber(ARGV[5])
local t = now()

for lost in string.gmatch(unanswered, '%S+') do give_back(keys, lost, t, false) end
reap(keys, t, known)
for _, id in ipairs(redis.call('ZRANGEBYSCORE', scheduled, '-inf', t, 'LIMIT', 0, 1000)) do
  redis.call('LPUSH', list, redis.call('HGET', scheduled_bodies, id))
  redis.call('ZREM', scheduled, id)
  redis.call('HDEL', scheduled_bodies, id)
end
local parcels = take_due(keys, t, max)
local messages, first = pop(list, seq, popped, max - #parcels)
local packed = cmsgpack.pack(messages)
if #parcels + #messages > 0 then hold(keys, token, t + lease_ms, { first, parcels, #messages, packed }) end
tell_rest(keys, t)
mark(list, marks, popped, t)
local reply = { next_due(t, keys.due, keys.leases, scheduled), first, #parcels }
for _, parcel in ipairs(parcels) do
  reply[#reply + 1] = parcel[7]
  for field = 1, 6 do reply[#reply + 1] = parcel[field] end
end
reply[#reply + 1] = #messages
reply[#reply + 1] = packed
return reply
`,
);

/**
 * The hot path: nothing but the list.
 *
 * KEYS list seq popped · leases held
 * ARGV token, max, lease ms
 * Returns what {@link claim} does, of messages alone
 */
export const take = new RedisScript<ClaimReply>(
  DRAINING,
  HOLDING,
  POP,
  `
local messages, first = pop(KEYS[1], KEYS[2], KEYS[3], tonumber(ARGV[2]))
local packed = cmsgpack.pack(messages)
if #messages > 0 then
  hold({ leases = KEYS[4], held = KEYS[5] }, ARGV[1], now() + tonumber(ARGV[3]), { first, {}, #messages, packed })
end
return { -1, first, 0, #messages, packed }
`,
);

/** Numbers, then bytes: see {@link claim}. */
export type ClaimReply = [number, number, number, ...(number | Buffer)[]];

/**
 * Writes settlements of any number of claims.
 *
 * KEYS seq dead dead:bodies · leases held done due parcels graves
 * ARGV see `settle` in the common part
 * Returns the tokens of those that somebody else has by now.
 */
export const settle = new RedisScript<Buffer[]>(
  DRAINING,
  PARCELS,
  `
local keys = {
  seq = KEYS[1], dead = KEYS[2], dead_bodies = KEYS[3],
  leases = KEYS[4], held = KEYS[5], done = KEYS[6], due = KEYS[7], parcels = KEYS[8], graves = KEYS[9],
}
local t = now()
local lost = settle(keys, t, 1)
tell(keys.due, t)
return lost
`,
);

/**
 * First deliveries, some with a time of their own.
 *
 * KEYS list seq scheduled scheduled:bodies
 * ARGV due ms or 0, body, …
 */
export const schedule = new RedisScript<null>(
  { allowOom: false },
  PARCELS,
  `
local list, seq, scheduled, bodies = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local t = now()
for at = 1, #ARGV, 2 do
  if tonumber(ARGV[at]) <= t then
    redis.call('LPUSH', list, ARGV[at + 1])
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
 * What waits, counted and deleted; with the groups' keys it is called once for each of them.
 *
 * KEYS list scheduled scheduled:bodies marks popped
 */
export const purge = new RedisScript<number>(
  DRAINING,
  `
local length = redis.call('LLEN', KEYS[1])
local count = length + redis.call('ZCARD', KEYS[2])
redis.call('INCRBY', KEYS[5], length)
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4])
return count
`,
);

/**
 * KEYS list scheduled marks popped
 * Returns { ready, scheduled, age of the oldest or -1 }
 */
export const look = new RedisScript<[number, number, number]>(
  DRAINING,
  PARCELS,
  MARKS,
  `
local t = now()
mark(KEYS[1], KEYS[3], KEYS[4], t)
local oldest = redis.call('ZRANGE', KEYS[3], 0, 0)
return {
  redis.call('LLEN', KEYS[1]),
  redis.call('ZCARD', KEYS[2]),
  oldest[1] and t - tonumber(oldest[1]) or -1,
}
`,
);
