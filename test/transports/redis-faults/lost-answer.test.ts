import { describe, expect, test } from 'vitest';
import type { RedisConnection } from '../../../src/redis/redis-connection.js';
import { RedisFailure } from '../../../src/redis/redis-failure.js';
import { RedisPublisher } from '../../../src/redis/redis-publisher.js';
import { StreamsSender } from '../../../src/transports/redis-streams/redis-streams-sender.js';
import { message, receive, textsOf } from '../../../src/testing/conformance/receive.js';
import type { TcpProxy } from '../../brokers/tcp-proxy.js';
import { client, consume, knows, opened, proxyTo, server, TRANSPORTS } from './stage.js';

const UNKNOWN = 'THRUN_PUBLISH_UNKNOWN';

describe.each(TRANSPORTS)('%s', (name, transport) => {
  /** A transport whose link can be damaged, and whether a publish of it is known again. */
  async function linked() {
    const redis = await server({ appendfsync: 'always' });
    const proxy = await proxyTo(redis.port);
    const damaged = await opened(transport({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 3000 }));
    const admin = client(redis.url);
    const isKnown = name === 'redis-streams' && (await knows(admin, 'XCFGSET'));
    // The script for both comes along: what is cut later is the command itself.
    await damaged.publish('events', [message('first'), message('in an hour', { deliverAt: Date.now() + 3_600_000 })]);
    /** What there is, when there are so many. */
    const there = async (count: number) => {
      const { consumer } = await consume(await opened(transport({ url: redis.url })));
      const texts = textsOf(await receive(consumer, count));
      expect(await consumer.next(1, { waitMs: 0 })).toEqual([]);
      return texts;
    };
    return { redis, proxy, damaged, admin, there, sure: isKnown ? 'published' : UNKNOWN };
  }

  /** Cuts the link when the message is there, and lets it be made again when `meanwhile` is done. */
  async function losing(proxy: TcpProxy, text: string, meanwhile: () => Promise<unknown>): Promise<void> {
    await proxy.cutAfter(text);
    proxy.blackhole();
    await meanwhile();
    proxy.cut();
    proxy.pass();
  }

  test('one message: it is made sure of where it is known again, else said to be unknown; and was done once', async () => {
    const { proxy, damaged, there, sure } = await linked();
    const cut = proxy.cutAfter('second');
    expect(await fate(damaged.publish('events', [message('second')]))).toBe(sure);
    await cut;
    await damaged.publish('events', [message('third')]);
    expect(await there(3)).toEqual(['first', 'second', 'third']);
  });

  test('many messages, some for later: all of them once', async () => {
    const { proxy, damaged, there, sure } = await linked();
    const soon = Date.now() + 1500;
    const lot = [
      message('later', { deliverAt: soon }),
      message('a'),
      message('later too', { deliverAt: soon }),
      message('b'),
    ];
    const cut = proxy.cutAfter('later too');
    expect(await fate(damaged.publish('events', lot))).toBe(sure);
    await cut;
    expect((await there(5)).sort()).toEqual(['a', 'b', 'first', 'later', 'later too']);
  });

  test('only for later: it is said to be unknown, and was done once', async () => {
    const { proxy, damaged, there } = await linked();
    const cut = proxy.cutAfter('later');
    const published = damaged.publish('events', [message('later', { deliverAt: Date.now() + 500 })]);
    expect(await fate(published)).toBe(UNKNOWN);
    await cut;
    expect(await there(2)).toEqual(['first', 'later']);
  });

  test('the server is killed before it is asked again: it remembers what it wrote', async () => {
    const { redis, proxy, damaged, there, sure } = await linked();
    const lost = losing(proxy, 'second', async () => {
      await redis.kill();
      await redis.start();
    });
    expect(await fate(damaged.publish('events', [message('second')]))).toBe(sure);
    await lost;
    expect(await there(2)).toEqual(['first', 'second']);
  });

  test('asked again it refuses: that does not make it unpublished', async () => {
    const { proxy, damaged, there, admin } = await linked();
    const lost = losing(proxy, 'second', () => admin.config('SET', 'maxmemory', '1'));
    expect(await fate(damaged.publish('events', [message('second')]))).toBe(UNKNOWN);
    await lost;
    await admin.config('SET', 'maxmemory', '0');
    expect(await there(2)).toEqual(['first', 'second']);
  });

  test('a link that swallows everything: it is published on the next one, or said to be unknown', async () => {
    const { proxy, damaged, there, sure } = await linked();
    proxy.forget();
    expect(await fate(damaged.publish('events', [message('second')]))).toBe(sure);
    await damaged.publish('events', [message('third')]);
    const expected = sure === UNKNOWN ? ['first', 'third'] : ['first', 'second', 'third'];
    expect(await there(expected.length)).toEqual(expected);
  });
});

describe('a publish to a stream', () => {
  /** A server that says these in turn. */
  function saying(...words: readonly (RedisFailure | 'done')[]) {
    const left = [...words];
    const run = async () => {
      const word = left.shift();
      if (word !== 'done') throw word ?? new Error('it was asked once too often');
    };
    return { connection: { run } as unknown as RedisConnection, left };
  }
  const lost = new RedisFailure('unknown', 'the connection was lost before it answered');
  const tooOld = new RedisFailure('refused', 'ERR Invalid stream ID specified as stream command argument');

  test('may be repeated until a hundred others have been sent', () => {
    const sender = new StreamsSender();
    const { connection } = saying();
    const first = sender.prepare(connection, 'events', [message('x')]);
    for (let n = 1; n < 100; n++) sender.prepare(connection, 'events', [message('x')]);
    expect(first.mayRepeat?.()).toBe(true);
    sender.prepare(connection, 'events', [message('x')]);
    expect(first.mayRepeat?.()).toBe(false);
  });

  test('may be repeated no more when the others have been sent while it waited for a link', async () => {
    const may = [true, false];
    let sent = 0;
    const connection = { timeoutMs: 1000, ready: async () => true } as unknown as RedisConnection;
    const publisher = new RedisPublisher('redis-streams', connection, () => ({
      send: () => Promise.reject(++sent === 1 ? lost : new Error('it was sent once too often')),
      mayRepeat: () => may.shift() === true,
    }));
    await expect(publisher.publish('events', [message('x')])).rejects.toMatchObject({ code: UNKNOWN });
    expect([sent, may]).toEqual([1, []]);
  });

  test('goes without its number to a server that is too old, and to it alone', async () => {
    const sender = new StreamsSender();
    const { connection, left } = saying(tooOld, 'done', 'done');
    await sender.prepare(connection, 'events', [message('x')]).send();
    const next = sender.prepare(connection, 'events', [message('y')]);
    expect(next.mayRepeat).toBe(undefined);
    await next.send();
    expect(left).toEqual([]);
  });

  test('may have reached a newer server before: it does not go to an older one', async () => {
    const { connection, left } = saying(lost, tooOld, 'done');
    const sending = new StreamsSender().prepare(connection, 'events', [message('x')]);
    await expect(sending.send()).rejects.toBe(lost);
    await expect(sending.send()).rejects.toBe(tooOld);
    expect(left).toEqual(['done']);
  });
});

function fate(published: Promise<void>): Promise<string> {
  return published.then(
    () => 'published',
    (error: { readonly code: string }) => error.code,
  );
}
