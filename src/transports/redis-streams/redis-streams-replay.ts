import { PARCELS } from '../../redis/redis-parcels.js';
import { RedisScript } from '../../redis/redis-script.js';
import { FIELD } from './redis-streams-entry.js';

/**
 * Entries become parcels of one group, as if it had asked for each of them again. What it reads and holds is not touched.
 * Refused while Redis is full, as a publish is, and where the group is gone.
 *
 * KEYS stream seq due parcels · ARGV group, listener or '', queue, ids …
 * Returns how many there were: the others were deleted meanwhile.
 */
export const replay = new RedisScript<number>(
  { allowOom: false },
  PARCELS,
  `
local stream, group, target, queue = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local keys = { seq = KEYS[2], due = KEYS[3], parcels = KEYS[4] }
-- An error where there is no such group.
redis.call('XPENDING', stream, group)
local t, count = now(), 0
for at = 4, #ARGV do
  local id = ARGV[at]
  local entry = redis.call('XRANGE', stream, id, id)[1]
  if entry then
    local fields = entry[2]
    local body = #fields == 2 and fields[1] == '${FIELD}' and fields[2] or fields
    put(keys, name(numbers(keys.seq, 1)), t, { 0, 0, target, queue .. ':' .. id, string.match(id, '%d+'), body })
    count = count + 1
  end
end
tell(keys.due, t)
return count
`,
);
