import { TogetherScript } from '../../../redis/redis-together.js';
import { COMMON } from './redis-store-lua.js';
import type { NextReply, StageReply } from './redis-store-rows.js';

/** A stage of more jobs than this is read by whoever sends it, in lots. */
const AT_HAND = 100;

const WRITE = `
local keys = { states = KEYS[2], times = KEYS[3], stages = KEYS[4], jobs = KEYS[5], ids = KEYS[6], runs = KEYS[7] }
local known = redis.call('HMGET', KEYS[1], 'v', 'relay', 'seq')
if (known[1] or '0') ~= ARGV[1] then return false end
local relay, seq = tonumber(known[2] or '0'), tonumber(known[3] or '0')
local list, at, runs, entries, sending = ARGV, 12, {}, {}, {}
if ARGV[11] ~= '' then list, at = cjson.decode(ARGV[11]), 1 end

local function next_arg()
  at = at + 1
  return list[at - 1]
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

-- time, entry, first index, last, stage
function ops.stage()
  ops.send()
  sending[#sending + 1] = { seq, tonumber(next_arg()), tonumber(next_arg()), tonumber(next_arg()) }
end

-- What is to be sent now needs no second look: { seq, jobs, runs of the stage before } of the entries about few of them.
local function stages_at_hand()
  local states, found = redis.call('GET', keys.states) or '', {}
  for _, entry in ipairs(sending) do
    local number, from, to, stage = unpack(entry)
    local low = stage > 0 and first_of(keys.stages, stage - 1, 0, from) or from
    local high = stage > 0 and first_of(keys.stages, stage, low, from) or from
    if to - from < ${AT_HAND} and high - low <= ${AT_HAND} then
      local jobs, before = {}, {}
      for _, id in ipairs(redis.call('HMGET', keys.ids, unpack(names(from, to)))) do
        jobs[#jobs + 1] = job_of(keys, states, redis.call('HGET', keys.jobs, id), true)
      end
      if high > low then before = redis.call('HMGET', keys.runs, unpack(names(low, high - 1))) end
      found[#found + 1] = { number, jobs, before }
    end
  end
  return found
end

while list[at] do ops[next_arg()]() end
flush_runs()
flush('ZADD', KEYS[8], entries)

-- A relay of this store had sent these and holds the lease: whoever takes it now gets what came since.
if ARGV[8] ~= '' then
  redis.call('ZREMRANGEBYSCORE', KEYS[8], '-inf', ARGV[8])
  if known[2] == ARGV[9] then relay = 0 end
end

local outbox = {}
if ARGV[6] ~= '' and relay < tonumber(ARGV[7]) then outbox = outbox_of(KEYS[8]) end
local fields = { 'w:' .. ARGV[4], ARGV[5], 'seq', string.format('%d', seq) }
if #outbox > 0 or relay ~= tonumber(known[2] or '0') then
  fields[#fields + 1] = 'relay'
  fields[#fields + 1] = #outbox > 0 and ARGV[6] or '0'
end
if ARGV[3] ~= '' then
  for _, text in ipairs({ 'v', ARGV[2], 'record', ARGV[3] }) do fields[#fields + 1] = text end
end
redis.call('HSET', KEYS[1], unpack(fields))
local next_stage = ARGV[10] ~= '' and next_in(redis.call('GET', keys.states) or '', keys.stages, ARGV[10])
return { outbox, next_stage, #outbox > 0 and stages_at_hand() or {} }
`;

/**
 * What transitions came to, if nobody else was quicker.
 *
 * KEYS as for load
 * ARGV version it is to have ('0': none yet), version after it, record or '' (nothing changes), the writing store's name, number
 *   of its write, relay's lease is taken until or '', now, seq up to which is crossed off or '', the lease it was sent under,
 *   digits of the states whose first stage is wanted then or '', what changes as a JSON list or '', else the list itself, in
 *   order: a name, and what it takes
 * Returns nothing when the version is another one, else { the outbox where its lease was taken, the first stage or nothing, what
 *   is at hand of entries about jobs in it }
 */
export const write = new TogetherScript<WriteReply | null>({ allowOom: true }, COMMON, WRITE);

/** The same for what makes a batch larger before it runs. */
export const writeNew = new TogetherScript<WriteReply | null>({ allowOom: false }, COMMON, WRITE);

/** `next` is undefined where the answer was lost. */
export type WriteReply = [outbox: Buffer[], next: NextReply | undefined, stages: StageReply[]];
