import { describe, expect, test, vi } from 'vitest';
import type { Delivery } from '../../../src/contracts/delivery.js';
import { message, receive, receiveOne, retryOf, textOf } from '../../../src/testing/conformance/receive.js';
import { client, consume, opened, proxyTo, server, TRANSPORTS } from './stage.js';

/** What is told comes within this, on a busy machine too. A look for it may be fifteen seconds away. */
const AT_ONCE_MS = 500;

/** How late the least late of three was, ms: a machine that stands still makes one late, whoever hears nothing is late each time. */
async function leastLate(round: () => Promise<number>): Promise<number> {
  const late: number[] = [];
  for (let i = 0; i < 3; i++) late.push(await round());
  return Math.min(...late);
}

describe.each(TRANSPORTS)('%s', (_, transport) => {
  /** An idle consumer, and another process beside it. */
  async function pair({ visibilityMs = 30_000, timeoutMs = 5000 } = {}) {
    const redis = await server();
    const admin = client(redis.url);
    const other = await opened(transport({ url: redis.url }));
    const quiet = await opened(transport({ url: redis.url, timeoutMs }));
    const { consumer } = await consume(quiet, { visibilityMs });
    /** Waits until it listens; what it was waiting for is not there. */
    const listening = async () => {
      const stop = new AbortController();
      const waiting = consumer.next(1, { signal: stop.signal });
      await vi.waitFor(async () => expect(await listeners()).toBe(1), 20_000);
      stop.abort();
      expect(await waiting).toEqual([]);
      // It has looked, and the next look is seconds away.
      expect(await consumer.next(1, { waitMs: 0 })).toEqual([]);
    };
    const listeners = async () => {
      const [, count] = (await admin.call('PUBSUB', 'SHARDNUMSUB', '{events}:scheduled')) as [string, number];
      return count;
    };
    return { redis, admin, other, consumer, listening };
  }

  test('an idle consumer sends its waits, one when the last has ended, and nothing else', async () => {
    // Waits of a second, as they are four times as long as a command may take. Nobody's sign of life is counted in.
    const { admin, consumer, listening } = await pair({ visibilityMs: 90_000, timeoutMs: 250 });
    await listening();
    const stop = new AbortController();
    const waiting = consumer.next(1, { signal: stop.signal });
    const waits = async () => callsOf(await admin.info('commandstats'), /^(blmove|xread)$/);
    const others = async () => callsOf(await admin.info('commandstats'), /^(?!blmove$|xread$|info$)/);
    const nextWait = async (before: number) => {
      await vi.waitFor(async () => expect(await waits()).toBeGreaterThan(before), { timeout: 5000, interval: 20 });
      return performance.now();
    };
    // What begins by itself has begun.
    const begun = await waits();
    const from = await nextWait(begun);
    const before = await others();
    for (let n = 1; n <= 3; n++) await nextWait(begun + n);
    expect(performance.now() - from).toBeGreaterThan(2500);
    expect(await waits()).toBe(begun + 4);
    expect(await others()).toBe(before);
    stop.abort();
    expect(await waiting).toEqual([]);
  });

  test('an empty list needs a look that found nothing: what came after one that found something is there', async () => {
    const redis = await server();
    const other = await opened(transport({ url: redis.url }));
    const { consumer } = await consume(await opened(transport({ url: redis.url })));
    await other.publish('events', [message('x')]);
    // It got less than it asked for, and nobody waits for news yet: within a millisecond nobody will have told.
    expect((await consumer.next(10, { waitMs: 0 })).map(textOf)).toEqual(['x']);
    await other.publish('events', [message('y')]);
    expect((await consumer.next(10, { waitMs: 1 })).map(textOf)).toEqual(['y']);
  });

  test('what another process publishes for later comes when it is due', async () => {
    const { other, consumer, listening } = await pair();
    const late = await leastLate(async () => {
      await listening();
      const due = Date.now() + 200;
      await other.publish('events', [message('x', { deliverAt: due })]);
      const x = await receiveOne(consumer);
      const came = Date.now();
      expect(textOf(x)).toBe('x');
      await x.ack();
      return came - due;
    });
    expect(late).toBeLessThan(AT_ONCE_MS);
  });

  test('what another process hands back, or tries again, comes when it is due', async () => {
    const { other, consumer, listening } = await pair();
    const { consumer: theirs } = await consume(other);
    await other.publish(
      'events',
      ['a', 'b', 'c', 'd', 'e', 'f'].map((text) => message(text)),
    );
    const held = await receive(theirs, 6);
    /** It comes here at once when it is due. */
    const comes = async (delivery: Delivery | undefined, due: number) => {
      const came = await receiveOne(consumer);
      const late = Date.now() - due;
      expect(textOf(came)).toBe(delivery && textOf(delivery));
      await came.ack();
      return late;
    };
    const handedBack = await leastLate(async () => {
      await listening();
      const one = held.shift();
      const now = Date.now();
      await one?.release();
      return comes(one, now);
    });
    const triedAgain = await leastLate(async () => {
      await listening();
      const one = held.shift();
      const due = Date.now() + 200;
      await one?.handOver([retryOf(one, { delayMs: 200 })]);
      return comes(one, due);
    });
    expect(Math.max(handedBack, triedAgain)).toBeLessThan(AT_ONCE_MS);
  });

  test('what a dead worker held comes when its lease has run out, though nobody says so', async () => {
    const visibilityMs = 1500;
    const { redis, other, consumer, listening } = await pair({ visibilityMs });
    const late = await leastLate(async () => {
      await listening();
      const proxy = await proxyTo(redis.port);
      const dying = await opened(transport({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 500 }));
      const { consumer: theirs } = await consume(dying, { visibilityMs });
      await other.publish('events', [message('x')]);
      expect(textOf(await receiveOne(theirs))).toBe('x');
      const lost = Date.now() + visibilityMs;
      proxy.blackhole();
      const x = await receiveOne(consumer);
      const came = Date.now();
      expect(x).toMatchObject({ attempt: 2, crashes: 1 });
      await x.ack();
      return came - lost;
    });
    expect(late).toBeLessThan(AT_ONCE_MS);
  });

  test('where it may not listen it looks every second, and nobody minds that it may not tell', async () => {
    const redis = await server();
    await client(redis.url).call('ACL', 'SETUSER', 'deaf', 'on', '>secret', '~*', '+@all', 'resetchannels');
    const url = redis.url.replace('//', '//deaf:secret@');
    const { consumer, notices } = await consume(await opened(transport({ url })));
    const other = await opened(transport({ url }));
    // Its connection for waiting has been there, and was refused.
    expect(await consumer.next(1, { waitMs: 500 })).toEqual([]);
    const late = await leastLate(async () => {
      const due = Date.now() + 200;
      await other.publish('events', [message('x', { deliverAt: due })]);
      const x = await receiveOne(consumer);
      const came = Date.now();
      await x.handOver([retryOf(x)]);
      const again = await receiveOne(consumer);
      expect(again.attempt).toBe(2);
      await again.ack();
      return came - due;
    });
    expect(late).toBeLessThan(1000 + AT_ONCE_MS);
    expect(notices).toEqual([]);
  });
});

/** How often the server was sent commands of these names. */
function callsOf(stats: string, names: RegExp): number {
  const lines = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)];
  return lines.reduce((sum, [, name = '', calls]) => sum + (names.test(name) ? Number(calls) : 0), 0);
}
