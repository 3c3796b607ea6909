import { RedisScript } from '../../../redis/redis-script.js';
import { COMMON } from './redis-store-lua.js';

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
export const write = new RedisScript<WriteReply>({ allowOom: true }, COMMON, WRITE);

/** The same for what makes a batch larger before it runs. */
export const writeNew = new RedisScript<WriteReply>({ allowOom: false }, COMMON, WRITE);

export type WriteReply = Buffer[] | null;
