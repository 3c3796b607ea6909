import { Redis } from 'ioredis';
import { EVENT, envelope } from '../../payload.mjs';
import { batches, gathering } from './raw.mjs';

const STREAM = `raw:${EVENT}:stream`;
const GROUP = 'bench';

/** ioredis alone on a stream: pipelined XADDs, one read for a batch, acknowledged and deleted as a batch beside the next read. */
export const rawStreams = {
  async open({ url, concurrency }) {
    const redis = new Redis(url);
    const add = (payload) => ['xadd', STREAM, '*', 'envelope', JSON.stringify(envelope(payload))];
    const addAll = (payloads) => redis.pipeline(payloads.map(add)).exec();
    return {
      publish: (payload) => redis.xadd(STREAM, '*', 'envelope', JSON.stringify(envelope(payload))),
      publishTogether: gathering(addAll),
      publishMany: addAll,
      work: async (handle) => {
        await redis.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM').catch(() => undefined);
        const wait = redis.duplicate();
        const drop = (ids) =>
          redis
            .pipeline([
              ['xack', STREAM, GROUP, ...ids],
              ['xdel', STREAM, ...ids],
            ])
            .exec();
        let last = '0-0';
        return batches({
          handle,
          claim: async (done) => {
            const dropped = done && drop(done);
            const reply = await redis.xreadgroup('GROUP', GROUP, 'c', 'COUNT', concurrency, 'STREAMS', STREAM, '>');
            await dropped;
            if (!reply) return undefined;
            const entries = reply[0][1];
            last = entries.at(-1)[0];
            return { token: entries.map(([id]) => id), bodies: entries.map(([, fields]) => fields[1]) };
          },
          drop,
          news: () => wait.xread('COUNT', 1, 'BLOCK', 5000, 'STREAMS', STREAM, last).catch(() => undefined),
          end: () => wait.disconnect(),
        });
      },
      close: () => redis.quit(),
    };
  },
};
