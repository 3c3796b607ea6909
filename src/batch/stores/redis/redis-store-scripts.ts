import { RedisScript } from '../../../redis/redis-script.js';
import { TogetherScript } from '../../../redis/redis-together.js';
import { COMMON } from './redis-store-lua.js';
import type { HeadReply, JobReply, NextReply } from './redis-store-rows.js';

/** Everything but the write: see redis-write-script.ts. All of it goes on when the server is full. */
const ALLOWED = { allowOom: true };

/**
 * What a transition sees.
 *
 * KEYS batch states times stages jobs ids runs outbox
 * ARGV digits of the states whose first stage is wanted, ids of jobs
 * Returns nothing where there is no such batch, else { version, record, the first stage or nothing, the head of each job or
 *   nothing }
 */
export const load = new TogetherScript<LoadReply | null>(
  ALLOWED,
  COMMON,
  `
local keys = { times = KEYS[3], runs = KEYS[7] }
local batch = redis.call('HMGET', KEYS[1], 'v', 'record')
if not batch[1] then return false end
local states = redis.call('GET', KEYS[2]) or ''
local reply = { batch[1], batch[2], next_in(states, KEYS[4], ARGV[1]) }
for at = 2, #ARGV do
  local stored = redis.call('HGET', KEYS[5], ARGV[at])
  reply[#reply + 1] = stored and job_of(keys, states, stored) or false
end
return reply
`,
);

export type LoadReply = [version: Buffer, record: Buffer, next: NextReply, ...jobs: (HeadReply | null)[]];

/**
 * KEYS batch outbox
 * ARGV until, now, '1' where this was asked before and not answered
 * Returns the outbox; nothing of it where somebody else has the lease.
 */
export const takeOutbox = new RedisScript<Buffer[]>(
  ALLOWED,
  COMMON,
  `
local relay = redis.call('HGET', KEYS[1], 'relay') or '0'
if tonumber(relay) >= tonumber(ARGV[2]) and not (ARGV[3] == '1' and relay == ARGV[1]) then return {} end
local entries = outbox_of(KEYS[2])
if #entries > 0 then redis.call('HSET', KEYS[1], 'relay', ARGV[1]) end
return entries
`,
);

/**
 * KEYS batch outbox
 * ARGV seq, the lease as it was taken, until, '1' where this was asked before and not answered
 * Returns what is left of the outbox; nothing of it where the lease is lost.
 */
export const sent = new TogetherScript<Buffer[]>(
  ALLOWED,
  COMMON,
  `
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[1])
local relay = redis.call('HGET', KEYS[1], 'relay')
if relay ~= ARGV[2] and not (ARGV[4] == '1' and relay == ARGV[3]) then return {} end
local entries = outbox_of(KEYS[2])
redis.call('HSET', KEYS[1], 'relay', #entries > 0 and ARGV[3] or '0')
return entries
`,
);

/**
 * Jobs in order.
 *
 * KEYS states times jobs ids runs
 * ARGV index of the first, how many
 * Returns each of them whole.
 */
export const page = new RedisScript<JobReply[]>(
  ALLOWED,
  COMMON,
  `
local keys = { times = KEYS[2], runs = KEYS[5] }
local states, jobs = redis.call('GET', KEYS[1]) or '', {}
for index = tonumber(ARGV[1]), #states - 1 do
  if #jobs >= tonumber(ARGV[2]) then break end
  local id = redis.call('HGET', KEYS[4], string.format('%d', index))
  if id then jobs[#jobs + 1] = job_of(keys, states, redis.call('HGET', KEYS[3], id), true) end
end
return jobs
`,
);

/**
 * KEYS states stages runs
 * ARGV stage
 * Returns of each job of the stage its run, or nothing.
 */
export const runsOf = new RedisScript<(Buffer | null)[]>(
  ALLOWED,
  COMMON,
  `
local count = redis.call('STRLEN', KEYS[1])
local from = first_of(KEYS[2], tonumber(ARGV[1]), 0, count)
local to = first_of(KEYS[2], tonumber(ARGV[1]) + 1, from, count) - 1
local runs = {}
for first, last in chunks(from, to) do
  for _, run in ipairs(redis.call('HMGET', KEYS[3], unpack(names(first, last)))) do runs[#runs + 1] = run end
end
return runs
`,
);

/**
 * Deletes a batch that is as it was looked at, and has nothing to send.
 *
 * KEYS batch outbox, and all others of it
 * ARGV version
 * Returns how many were deleted, 0 or 1.
 */
export const drop = new RedisScript<number>(
  ALLOWED,
  `
if redis.call('HGET', KEYS[1], 'v') ~= ARGV[1] or redis.call('EXISTS', KEYS[2]) == 1 then return 0 end
redis.call('UNLINK', unpack(KEYS))
return 1
`,
);
