import { RedisScript } from '../../../redis/redis-script.js';
import type { JobReply } from './redis-store-rows.js';

/**
 * What is atomic. Scripts move states by the thousand and compare versions; what a transition does is decided outside, and
 * no text of a job is ever parsed here. Counting on the caller's clock, as the port has it.
 */

/** A batch that has begun can end on a full server; new ones are refused. */
const ALLOWED = { allowOom: true };
const REFUSED = { allowOom: false };

/** A thousand values are pushed and unpacked at a time: Lua's stack is not larger than a few thousand. */
const COMMON = `
local function stage_at(stages, index)
  local bytes = redis.call('GETRANGE', stages, 4 * index, 4 * index + 3)
  return #bytes == 4 and struct.unpack('>I4', bytes) or nil
end

-- The first index from 'low' on whose stage is not below this one; 'count' where there is none. Near ones are found at once.
local function first_of(stages, stage, low, count)
  local step, high = 1, low
  while high < count and stage_at(stages, high) < stage do
    low = high + 1
    high = high + step
    step = step * 2
  end
  if high > count then high = count end
  while low < high do
    local middle = math.floor((low + high) / 2)
    if stage_at(stages, middle) < stage then low = middle + 1 else high = middle end
  end
  return low
end

local function first_in(states, digits)
  local first
  for digit in string.gmatch(digits, '%d') do
    local at = string.find(states, digit, 1, true)
    if at and (not first or at < first) then first = at end
  end
  return first
end

local function chunks(from, to)
  return function(_, at)
    at = at == nil and from or at + 1000
    if at <= to then return at, math.min(at + 999, to) end
  end
end

local function names(from, to)
  local list = {}
  for index = from, to do list[#list + 1] = string.format('%d', index) end
  return list
end

-- { state, time, job, run } of the job that is stored as '<index> <JSON>'
local function job_of(keys, states, stored)
  local index, job = string.match(stored, '^(%d+) (.*)$')
  local at = tonumber(index)
  return {
    string.sub(states, at + 1, at + 1),
    redis.call('GETRANGE', keys.times, 8 * at, 8 * at + 7),
    job,
    redis.call('HGET', keys.runs, index),
  }
end

local function outbox_of(key)
  return redis.call('ZRANGE', key, 0, 999)
end
`;

/**
 * What a transition sees.
 *
 * KEYS batch states times stages jobs ids runs outbox
 * ARGV digits of the states whose first stage is wanted, ids of jobs
 * Returns nothing where there is no such batch, else { version, record, the first stage: { stage, count, from, to } or nothing,
 *   for each job { state, time, job, run } or nothing }
 */
export const load = new RedisScript<LoadReply | null>(
  ALLOWED,
  COMMON,
  `
local keys = { times = KEYS[3], runs = KEYS[7] }
local stages = KEYS[4]
local batch = redis.call('HMGET', KEYS[1], 'v', 'record')
if not batch[1] then return false end
local states = redis.call('GET', KEYS[2]) or ''

local next_stage = false
local first = first_in(states, ARGV[1])
if first then
  local stage = stage_at(stages, first - 1)
  local last = first_of(stages, stage + 1, first - 1, #states)
  local among = string.sub(states, first, last)
  local set = '[' .. ARGV[1] .. ']'
  local _, count = string.gsub(among, set, '')
  local to = string.find(among, set .. '[^' .. ARGV[1] .. ']*$')
  next_stage = { stage, count, first - 1, first + to - 2 }
end

local reply = { batch[1], batch[2], next_stage }
for at = 2, #ARGV do
  local stored = redis.call('HGET', KEYS[5], ARGV[at])
  reply[#reply + 1] = stored and job_of(keys, states, stored) or false
end
return reply
`,
);

export type LoadReply = [
  version: Buffer,
  record: Buffer,
  next: [stage: number, count: number, from: number, to: number] | null,
  ...jobs: (JobReply | null)[],
];

const WRITE = `
local keys = { states = KEYS[2], times = KEYS[3], stages = KEYS[4], jobs = KEYS[5], ids = KEYS[6], runs = KEYS[7] }
local known = redis.call('HMGET', KEYS[1], 'v', 'relay', 'seq')
if (known[1] or '0') ~= ARGV[1] then return false end
local relay, seq = tonumber(known[2] or '0'), tonumber(known[3] or '0')
local at, runs, entries = 8, {}, {}

local function next_arg()
  at = at + 1
  return ARGV[at - 1]
end

-- What is gathered goes in one call.
local function flush(command, key, list)
  for first = 1, #list, 1000 do redis.call(command, key, unpack(list, first, math.min(first + 999, #list))) end
end

local function flush_runs()
  flush('HSET', keys.runs, runs)
  runs = {}
end

local function forget(from, to, set, states)
  flush_runs()
  for first, last in chunks(from, to) do
    local fields = names(first, last)
    for place, run in ipairs(redis.call('HMGET', keys.runs, unpack(fields))) do
      local index = first + place - 1
      if run and string.find(string.sub(states, index + 1, index + 1), set) then
        local adds = string.match(run, '^%d+')
        if adds == '0' then redis.call('HDEL', keys.runs, fields[place])
        else redis.call('HSET', keys.runs, fields[place], adds .. ' [0]') end
      end
    end
  end
end

local ops = {}

-- digits of states, digit, stage or '', time, '1' where the run is forgotten
function ops.move()
  local set, to, stage, time, fresh = '[' .. next_arg() .. ']', next_arg(), next_arg(), next_arg(), next_arg()
  local states = redis.call('GET', keys.states) or ''
  local first = string.find(states, set)
  if not first then return end
  local last = #states
  if stage ~= '' then
    local low = first_of(keys.stages, tonumber(stage), first - 1, #states)
    first, last = low + 1, first_of(keys.stages, tonumber(stage) + 1, low, #states)
  end
  local stamp = struct.pack('>d', tonumber(time))
  local from, till = string.find(states, set .. '+', first)
  while from and from <= last do
    till = math.min(till, last)
    redis.call('SETRANGE', keys.states, from - 1, string.rep(to, till - from + 1))
    redis.call('SETRANGE', keys.times, 8 * (from - 1), string.rep(stamp, till - from + 1))
    from, till = string.find(states, set .. '+', till + 1)
  end
  if fresh == '1' then forget(first - 1, last - 1, set, states) end
end

-- index, digit, time, run
function ops.job()
  local index, state, time, run = tonumber(next_arg()), next_arg(), tonumber(next_arg()), next_arg()
  redis.call('SETRANGE', keys.states, index, state)
  redis.call('SETRANGE', keys.times, 8 * index, struct.pack('>d', time))
  runs[#runs + 1] = string.format('%d', index)
  runs[#runs + 1] = run
end

-- index of the first, how many, digit, time, their stages packed; of each id, job
function ops.add()
  local index, count, state, time = tonumber(next_arg()), tonumber(next_arg()), next_arg(), tonumber(next_arg())
  redis.call('SETRANGE', keys.stages, 4 * index, next_arg())
  redis.call('SETRANGE', keys.states, index, string.rep(state, count))
  redis.call('SETRANGE', keys.times, 8 * index, string.rep(struct.pack('>d', time), count))
  for first, last in chunks(index, index + count - 1) do
    local jobs, ids = {}, {}
    for field = first, last do
      local id, name = next_arg(), string.format('%d', field)
      jobs[#jobs + 1] = id
      jobs[#jobs + 1] = name .. ' ' .. next_arg()
      ids[#ids + 1] = name
      ids[#ids + 1] = id
    end
    redis.call('HSET', keys.jobs, unpack(jobs))
    redis.call('HSET', keys.ids, unpack(ids))
  end
end

-- time, entry
function ops.send()
  local time = next_arg()
  seq = seq + 1
  local name = string.format('%d', seq)
  entries[#entries + 1] = name
  entries[#entries + 1] = name .. ' ' .. time .. ' ' .. next_arg()
end

while ARGV[at] do ops[next_arg()]() end
flush_runs()
flush('ZADD', KEYS[8], entries)

local outbox = {}
if ARGV[6] ~= '' and relay < tonumber(ARGV[7]) then outbox = outbox_of(KEYS[8]) end
local fields = { 'w:' .. ARGV[4], ARGV[5], 'seq', string.format('%d', seq) }
if #outbox > 0 then
  fields[#fields + 1] = 'relay'
  fields[#fields + 1] = ARGV[6]
end
if ARGV[3] ~= '' then
  for _, text in ipairs({ 'v', ARGV[2], 'record', ARGV[3] }) do fields[#fields + 1] = text end
end
redis.call('HSET', KEYS[1], unpack(fields))
return outbox
`;

/**
 * What transitions came to, if nobody else was quicker.
 *
 * KEYS as for load
 * ARGV version it is to have ('0': none yet), version after it, record or '' (nothing changes), the writing store's name, number
 *   of its write, relay's lease is taken until or '', now, then what changes, in order: a name, and what it takes
 * Returns nothing when the version is another one, else the outbox where its lease was taken.
 */
export const write = new RedisScript<WriteReply>(ALLOWED, COMMON, WRITE);

/** The same for what makes a batch larger before it runs. */
export const writeNew = new RedisScript<WriteReply>(REFUSED, COMMON, WRITE);

export type WriteReply = Buffer[] | null;

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
export const sent = new RedisScript<Buffer[]>(
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
 * Returns of each { state, time, job, run }
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
  if id then jobs[#jobs + 1] = job_of(keys, states, redis.call('HGET', KEYS[3], id)) end
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
