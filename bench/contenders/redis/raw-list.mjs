import { Redis } from 'ioredis';
import { EVENT, envelope } from '../../payload.mjs';
import { batches, gathering } from './raw.mjs';

const LIST = `raw:${EVENT}`;
const HELD = `raw:${EVENT}:held`;
const LEASES = `raw:${EVENT}:leases`;

/** Takes a batch under a lease and drops the one before, in one step. */
const TURN = `#!lua flags=allow-oom
if ARGV[1] ~= '' then
  redis.call('DEL', KEYS[2] .. ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
end
local count = tonumber(ARGV[3])
local bodies = count > 0 and redis.call('RPOP', KEYS[1], count)
if not bodies then return {} end
redis.call('RPUSH', KEYS[2] .. ARGV[2], unpack(bodies))
redis.call('ZADD', KEYS[3], redis.call('TIME')[1] + 30, ARGV[2])
return bodies`;

/**
 * ioredis alone, as well as a list can be used for a queue: variadic pushes, a batch claimed and the last one acknowledged
 * in one script, the next one on its way while one is handled. No retries, no groups, no recovery of what a dead worker
 * held, nothing checked.
 */
export const rawList = {
  async open({ url, concurrency }) {
    const redis = new Redis(url);
    redis.defineCommand('turn', { numberOfKeys: 3, lua: TURN });
    const push = (payloads) => redis.lpush(LIST, ...payloads.map((payload) => JSON.stringify(envelope(payload))));
    let number = 0;
    return {
      publish: (payload) => push([payload]),
      publishTogether: gathering(push),
      publishMany: push,
      work: async (handle) => {
        const wait = redis.duplicate();
        return batches({
          handle,
          claim: async (done) => {
            const token = String(++number);
            const bodies = await redis.turn(LIST, HELD, LEASES, done ?? '', token, concurrency);
            return bodies.length === 0 ? undefined : { token, bodies };
          },
          drop: (done) => redis.turn(LIST, HELD, LEASES, done, '', 0),
          news: () => wait.blmove(LIST, LIST, 'RIGHT', 'RIGHT', 5).catch(() => undefined),
          end: () => wait.disconnect(),
        });
      },
      close: () => redis.quit(),
    };
  },
};
