/** A thousand values are pushed and unpacked at a time: Lua's stack is not larger than a few thousand. */
export const COMMON = `
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

-- { index, state, time, head, run } of the job that is stored as '<index> <head>\\n…'; 'whole': and what comes after its head
local function job_of(keys, states, stored, whole)
  local space, line = string.find(stored, ' ', 1, true), string.find(stored, '\\n', 1, true)
  local index = string.sub(stored, 1, space - 1)
  local at = tonumber(index)
  return {
    index,
    string.sub(states, at + 1, at + 1),
    redis.call('GETRANGE', keys.times, 8 * at, 8 * at + 7),
    string.sub(stored, space + 1, line - 1),
    redis.call('HGET', keys.runs, index),
    whole and string.sub(stored, line + 1) or nil,
  }
end

-- { stage, count, from, to } of the first stage with jobs in one of these states
local function next_in(states, stages, digits)
  local first = first_in(states, digits)
  if not first then return false end
  local stage = stage_at(stages, first - 1)
  local last = first_of(stages, stage + 1, first - 1, #states)
  local among, set = string.sub(states, first, last), '[' .. digits .. ']'
  local _, count = string.gsub(among, set, '')
  local to = string.find(among, set .. '[^' .. digits .. ']*$')
  return { stage, count, first - 1, first + to - 2 }
end

local function outbox_of(key)
  return redis.call('ZRANGE', key, 0, 999)
end
`;
