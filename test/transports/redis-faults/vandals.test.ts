import { describe, expect, test, vi } from 'vitest';
import {
  ackAll,
  message,
  numbered,
  receive,
  receiveOne,
  sorted,
  textOf,
  textsOf,
} from '../../../src/testing/conformance/receive.js';
import { RedisStreamsTransport } from '../../../src/transports/redis-streams/redis-streams-transport.js';
import { client, consume, opened, server, TRANSPORTS } from './stage.js';

// Other programs have the same rights as we: what they do to our keys is survived and said aloud.

describe.each(TRANSPORTS)('%s', (_, transport) => {
  test('a key of another kind: refused at the start, waited out later', async () => {
    const redis = await server();
    const app = await opened(transport({ url: redis.url }));
    const admin = client(redis.url);
    await admin.set('events', 'a string');
    await expect(consume(app)).rejects.toMatchObject({
      code: 'THRUN_TRANSPORT_REFUSED',
      message: expect.stringContaining('the key "events" holds a string') as string,
    });
    await expect(app.publish('events', [message('x')])).rejects.toMatchObject({ code: 'THRUN_TRANSPORT_REFUSED' });

    await admin.del('events');
    const { consumer, degraded } = await consume(app);
    const waiting = consumer.next(1);
    await admin.set('events', 'a string');
    await vi.waitFor(() => expect(degraded().join()).toContain('WRONGTYPE'), 10_000);
    await admin.del('events');
    await app.publish('events', [message('x')]);
    const [delivery] = await waiting;
    expect(delivery && textOf(delivery)).toBe('x');
    expect(degraded().filter((text) => text.includes('WRONGTYPE')).length, 'said once').toBe(1);
  });

  test('everything is deleted while a worker runs: what comes afterwards is handled', async () => {
    const redis = await server();
    const app = await opened(transport({ url: redis.url }));
    const { consumer, notices } = await consume(app);
    await app.publish('events', numbered(4));
    const held = await receive(consumer, 4);
    await client(redis.url).flushall();
    await ackAll(held);
    expect(notices.filter(({ kind }) => kind === 'lease_lost').length).toBe(4);
    await app.publish('events', [message('after')]);
    expect(textOf(await receiveOne(consumer))).toBe('after');
    expect((await consume(app)).consumer).toBeDefined();
  });
});

describe('redis-streams', () => {
  async function stage() {
    const redis = await server();
    const app = await opened(new RedisStreamsTransport({ url: redis.url }));
    return { redis, app, admin: client(redis.url) };
  }

  test('a group that is destroyed is made again from the beginning, and this is said', async () => {
    const { app, admin } = await stage();
    const { consumer, degraded } = await consume(app);
    await app.publish('events', numbered(3));
    const held = await receive(consumer, 3);
    await admin.xgroup('DESTROY', 'events', 'workers');
    await app.publish('events', [message('3')]);
    const again = await receive(consumer, 4);
    expect(sorted(textsOf(again))).toEqual(['0', '1', '2', '3']);
    expect(degraded()).toEqual([expect.stringContaining('the group workers of the stream events was gone')]);
    await ackAll([...held, ...again]);
    expect(await consumer.next(1, { waitMs: 0 })).toEqual([]);
  });

  test('entries that somebody trims away are reported, read or not', async () => {
    const { app, admin } = await stage();
    const dying = await opened(new RedisStreamsTransport({ url: urlOf(admin) }, stopped));
    await app.publish('events', numbered(10));
    const first = await consume(dying, { visibilityMs: 300 });
    await receive(first.consumer, 4, 4);
    await admin.xtrim('events', 'MAXLEN', 3);
    const { consumer, degraded } = await consume(app);
    expect(textsOf(await receive(consumer, 3))).toEqual(['7', '8', '9']);
    await vi.waitFor(async () => {
      await consumer.next(1, { waitMs: 50 });
      expect(lostIn(degraded())).toBe(7);
    }, 5000);
  });

  test('an entry is deleted when every group has settled it, foreign ones too', async () => {
    const { app, admin } = await stage();
    await admin.xgroup('CREATE', 'events', 'foreign', '0', 'MKSTREAM');
    const { consumer } = await consume(app);
    await app.publish('events', numbered(5));
    await ackAll(await receive(consumer, 5));
    await consumer.close();
    expect(await admin.xlen('events'), 'the other group has not read them').toBe(5);
    const reply = await admin.xreadgroup('GROUP', 'foreign', 'me', 'STREAMS', 'events', '>');
    const ids = reply?.[0]?.[1].map(([id]) => id) ?? [];
    await admin.xack('events', 'foreign', ...ids.slice(0, 3));
    await (await consume(app)).consumer.close();
    expect(await admin.xlen('events')).toBe(2);
  });

  test('a consumer that died is deleted, and what it held is not', async () => {
    const { app, admin } = await stage();
    const dying = await opened(new RedisStreamsTransport({ url: urlOf(admin) }, stopped));
    const dead = await consume(dying, { visibilityMs: 300 });
    await app.publish('events', numbered(250));
    await receive(dead.consumer, 250, 250);
    const { consumer } = await consume(app);
    const taken = await receive(consumer, 250);
    expect(sorted(textsOf(taken))).toEqual(Array.from({ length: 250 }, (_, n) => String(n)));
    expect(new Set(taken.map(({ attempt, crashes }) => `${attempt} ${crashes}`))).toEqual(new Set(['2 1']));
    await ackAll(taken);
    expect(((await admin.xinfo('CONSUMERS', 'events', 'workers')) as unknown[]).length).toBe(1);
    await consumer.close();
    expect(((await admin.xinfo('CONSUMERS', 'events', 'workers')) as unknown[]).length).toBe(0);
  });
});

/** A clock whose timers never run: a process that hangs. */
const stopped = { now: () => Date.now(), after: () => () => undefined };

function urlOf({ options }: ReturnType<typeof client>): string {
  return `redis://${options.host}:${options.port}`;
}

function lostIn(degraded: readonly string[]): number {
  return degraded.reduce((sum, text) => sum + Number(/^(\d+) entries/.exec(text)?.[1] ?? 0), 0);
}
