import { describe, expect, test } from 'vitest';
import { ackAll, message, numbered, receive, receiveOne, textOf } from '../../../src/testing/conformance/receive.js';
import { RedisStreamsTransport } from '../../../src/transports/redis-streams/redis-streams-transport.js';
import { client, consume, knows, opened, server } from './stage.js';

const EVENTS = 3000;

describe('redis-streams: one entry takes long', () => {
  /** The first of many is in hand, all others are done. */
  async function stage(historyMs = 0) {
    const redis = await server();
    const app = await opened(new RedisStreamsTransport({ url: redis.url, historyMs }));
    const admin = client(redis.url);
    const one = await consume(app);
    await app.publish('events', [message('long')]);
    const long = await receiveOne(one.consumer);
    const other = await consume(app);
    const work = async () => {
      await app.publish('events', numbered(EVENTS));
      for (let done = 0; done < EVENTS; ) {
        const got = await receive(other.consumer, 1, 500);
        await ackAll(got);
        done += got.length;
      }
      await other.consumer.flush();
    };
    return { app, admin, long, one, other, work };
  }

  test('what was done behind it leaves the stream where the server can, and it stays itself', async () => {
    const { admin, long, one, other, work } = await stage();
    await work();
    await other.consumer.close();
    // Nothing of what lies behind it was deleted before Redis 8.2.
    expect(await admin.xlen('events')).toBe((await knows(admin, 'XACKDEL')) ? 1 : EVENTS + 1);
    expect(textOf(long)).toBe('long');
    await long.handOver([{ kind: 'postponed', target: undefined, delayMs: 0, attempts: 1, crashes: 0 }]);
    const again = await receiveOne(one.consumer);
    expect([textOf(again), again.attempt]).toEqual(['long', 2]);
    await again.ack();
    await one.consumer.close();
    expect(await admin.xlen('events')).toBe(0);
    expect([...one.degraded(), ...other.degraded()], 'nobody is said to have deleted what was not handled').toEqual([]);
  });

  test('another group that has not read them, or holds some, keeps them', async () => {
    const { app, admin, long, other, work } = await stage();
    await admin.xgroup('CREATE', 'events', 'foreign', '0');
    await work();
    await (await consume(app)).consumer.close();
    expect(await admin.xlen('events'), 'it has read none').toBe(EVENTS + 1);
    const reply = await admin.xreadgroup('GROUP', 'foreign', 'me', 'COUNT', 2000, 'STREAMS', 'events', '>');
    const ids = reply?.[0]?.[1].map(([id]) => id) ?? [];
    await admin.xack('events', 'foreign', ...ids.filter((_, n) => n % 2 === 0));
    await other.consumer.close();
    // Of those it has read, every second is settled, but for the first, which is in hand here.
    const left = (await knows(admin, 'XACKDEL')) ? EVENTS + 1 - 999 : EVENTS + 1;
    expect(await admin.xlen('events')).toBe(left);
    await long.ack();
  });

  test('a history stays without holes', async () => {
    const { app, admin, long, work } = await stage(3_600_000);
    await work();
    await (await consume(app)).consumer.close();
    expect(await admin.xlen('events')).toBe(EVENTS + 1);
    await long.ack();
  });

  test('without a history what every group is past is said to be gone, though an older one is still there', async () => {
    const { app, admin, work } = await stage();
    await work();
    await (await consume(app)).consumer.close();
    const isGone = await knows(admin, 'XACKDEL');
    const [first] = await admin.xrange('events', '-', '+', 'COUNT', 1);
    const since = `${first?.[0].split('-')[0]}-1`;
    const view = await (app as RedisStreamsTransport).history.look({ queue: 'events', group: 'workers', since });
    expect(view.isCut).toBe(isGone);
  });
});
