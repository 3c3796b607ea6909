import { describe, expect, test, vi } from 'vitest';
import { message, receive, retryOf, textOf } from '../../../src/testing/conformance/receive.js';
import { client, consume, opened, server, TRANSPORTS } from './stage.js';

const BODY = 'x'.repeat(10_000);

describe.each(TRANSPORTS)('%s', (_, transport) => {
  test('a full Redis refuses what is published, and is drained', async () => {
    const redis = await server();
    const app = await opened(transport({ url: redis.url }));
    const admin = client(redis.url);
    // A worker that waits as well: what it waits with is refused by a full Redis.
    const { consumer, degraded } = await consume(app);
    const used = Number(/used_memory:(\d+)/.exec(await admin.info('memory'))?.[1]);
    await admin.config('SET', 'maxmemory', String(used + 4 * 1024 ** 2));
    let published = 0;
    const refusal = await (async () => {
      for (;;) {
        try {
          await app.publish('events', [message(`${published} ${BODY}`)]);
          published++;
        } catch (error) {
          return error;
        }
      }
    })();
    expect(refusal).toMatchObject({
      code: 'THRUN_TRANSPORT_REFUSED',
      message: expect.stringContaining('OOM') as string,
    });
    expect(published).toBeGreaterThan(50);
    // Retries too: they need room while there is none.
    const first = await receive(consumer, 10);
    await Promise.all(first.map((delivery) => delivery.handOver([retryOf(delivery)])));
    const seen = new Set<string>();
    while (seen.size < published) {
      for (const delivery of await receive(consumer, Math.min(10, published - seen.size), 10)) {
        seen.add(textOf(delivery));
        await delivery.ack();
      }
    }
    await vi.waitFor(async () => {
      // What is done with is deleted at leisure.
      expect(await consumer.next(1, { waitMs: 100 })).toEqual([]);
      await app.publish('events', [message('room again')]);
    }, 20_000);
    expect((await receive(consumer, 1)).map(textOf)).toEqual(['room again']);
    expect(degraded()).toEqual([]);
  });
});
