import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { message, receive, receiveOne, textOf } from '../../../src/testing/conformance/receive.js';
import type { TcpProxy } from '../../brokers/tcp-proxy.js';
import { RedisListTransport } from '../../../src/transports/redis-list/redis-list-transport.js';
import { client, consume, opened, proxyTo, server, TRANSPORTS } from './stage.js';

describe.each(TRANSPORTS)('%s', (_, transport) => {
  /** A transport whose link can be damaged, and one beside it. */
  async function linked() {
    const redis = await server();
    const proxy = await proxyTo(redis.port);
    // A process that stands still for longer takes an answer that is there for one that did not come.
    const damaged = await opened(transport({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 2000 }));
    const other = await opened(transport({ url: redis.url }));
    return { redis, proxy, damaged, other };
  }

  test('a link that swallows everything is noticed and replaced', async () => {
    const { proxy, damaged, other } = await linked();
    const { consumer, kinds } = await consume(damaged);
    const waiting = consumer.next(1);
    const before = proxy.connections;
    proxy.blackhole();
    await other.publish('events', [message('x')]);
    await vi.waitFor(() => expect(kinds()).toEqual(['disconnected']), 20_000);
    proxy.pass();
    const [delivery] = await waiting;
    expect(delivery && textOf(delivery)).toBe('x');
    expect(kinds()).toEqual(['disconnected', 'reconnected']);
    expect(proxy.connections, 'other connections').toBeGreaterThan(before);
    await delivery?.ack();
  });

  test('a link that is cut again and again loses nothing', async () => {
    const { proxy, damaged, other } = await linked();
    const { consumer } = await consume(damaged, { visibilityMs: 1000 });
    const seen = new Set<string>();
    for (let round = 0; round < 30; round++) {
      await other.publish('events', [message(String(round))]);
      if (round % 3 === 0) proxy.cut();
      for (const delivery of await consumer.next(5, { waitMs: 50 })) {
        seen.add(textOf(delivery));
        void delivery.ack();
        if (round % 4 === 0) proxy.cut();
      }
    }
    await vi.waitFor(
      async () => {
        for (const delivery of await consumer.next(5, { waitMs: 50 })) {
          seen.add(textOf(delivery));
          await delivery.ack();
        }
        expect(seen.size).toBe(30);
      },
      { timeout: 30_000 },
    );
    await consumer.flush();
    await vi.waitFor(async () => expect(await left(other)).toBe(0), 20_000);
  });

  test('a link that breaks again while it is being made brings nobody down', async () => {
    const { redis, proxy, damaged, other } = await linked();
    const { consumer } = await consume(damaged);
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const first = receiveOne(consumer);
    const admin = client(redis.url);
    await vi.waitFor(async () => expect(await admin.call('PUBSUB', 'SHARDNUMSUB', '{events}:scheduled')).toContain(1));
    await other.publish('events', [message('x')]);
    await (await first).ack();
    const waiting = consumer.next(1);
    // What was listened to is asked for again on each new connection, which breaks with that.
    proxy.cut();
    for (let round = 0; round < 3; round++) await proxy.cutAfter('ssubscribe');
    await other.publish('events', [message('y')]);
    const [delivery] = await waiting;
    expect(delivery && textOf(delivery)).toBe('y');
    await delivery?.ack();
    expect(unhandled).toEqual([]);
  });

  test('the answer to a claim is lost: what it took comes at once, and has cost nothing', async () => {
    const { proxy, damaged, other } = await linked();
    const { consumer, degraded } = await consume(damaged);
    await other.publish('events', [message('first')]);
    // By now the server has every script: what is cut is the claim itself.
    const first = await receiveOne(consumer);
    await other.publish('events', [message('a'), message('b')]);
    const [a, b] = await whileCut(proxy, () => receive(consumer, 2));
    expect([a, b].map((one) => one && [textOf(one), one.attempt, one.crashes])).toEqual([
      ['a', 1, 0],
      ['b', 1, 0],
    ]);
    // The same with what is not in the queue itself.
    await first.handOver([{ kind: 'postponed', target: 'mailer', delayMs: 0, attempts: 1, crashes: 0 }]);
    await other.publish('events', [message('c')]);
    const rest = await whileCut(proxy, () => receive(consumer, 2));
    expect(rest.map((one) => [textOf(one), one.target, one.attempt, one.crashes])).toEqual([
      ['first', 'mailer', 2, 0],
      ['c', undefined, 1, 0],
    ]);
    await Promise.all([a, b, ...rest].map(async (one) => one?.ack()));
    expect(degraded()).toEqual([]);
    expect(await left(other)).toBe(0);
  });

  test('the answer to an ack is lost: it is made again, and nothing comes twice', async () => {
    const { proxy, damaged, other } = await linked();
    const { consumer, kinds } = await consume(damaged, { visibilityMs: 3000 });
    await other.publish('events', [message('a'), message('b'), message('c')]);
    const [a, b, c] = await receive(consumer, 3, 3);
    // The first settlement brings its script along; the second goes by its hash, which both have in common.
    await a?.ack();
    const cut = proxy.cutAfter('evalsha');
    const settled = Promise.all([
      b?.ack(),
      c?.handOver([{ kind: 'postponed', target: 'mailer', delayMs: 0, attempts: 1, crashes: 0 }]),
    ]);
    await cut;
    await settled;
    const retried = await receiveOne(consumer);
    expect([textOf(retried), retried.target, retried.attempt]).toEqual(['c', 'mailer', 2]);
    await retried.ack();
    expect(await consumer.next(1, { waitMs: 4000 })).toEqual([]);
    expect(kinds()).not.toContain('lease_lost');
    expect(await left(other)).toBe(0);
  });

  test('scripts are forgotten by the server: nobody notices', async () => {
    const { redis, damaged } = await linked();
    const { consumer, notices } = await consume(damaged);
    const admin = client(redis.url);
    for (const text of ['a', 'b', 'c']) {
      await damaged.publish('events', [message(text), message('later', { deliverAt: Date.now() + 3_600_000 })]);
      await admin.script('FLUSH');
      const delivery = await receiveOne(consumer);
      expect(textOf(delivery)).toBe(text);
      await admin.script('FLUSH');
      await delivery.ack();
    }
    expect(notices).toEqual([]);
  });
});

// At the default times. Nothing in it is different for streams.
test('both links of an idle consumer swallow everything: it is noticed though it only waits, and goes on within 10 s', async () => {
  const redis = await server();
  const proxy = await proxyTo(redis.port);
  const damaged = await opened(new RedisListTransport({ url: `redis://127.0.0.1:${proxy.port}` }));
  const { consumer, kinds } = await consume(damaged, { visibilityMs: 90_000 });
  const waiting = consumer.next(1);
  const admin = client(redis.url);
  const looks = async () => Number(/cmdstat_rpop:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
  // The second is due to its having begun to listen; the next is eleven seconds away at the least.
  await vi.waitFor(async () => expect(await looks()).toBe(2), 5000);
  proxy.forget();
  const from = performance.now();
  await admin.lpush('events', 'x');
  const [delivery] = await waiting;
  expect(delivery && textOf(delivery)).toBe('x');
  expect(performance.now() - from).toBeLessThan(10_000);
  expect(kinds()).toEqual(['disconnected', 'reconnected']);
}, 20_000);

/** The answer to the next command that names the group is lost while `doing`. */
async function whileCut<Result>(proxy: TcpProxy, doing: () => Promise<Result>): Promise<Result> {
  const cut = proxy.cutAfter('workers');
  const [result] = await Promise.all([doing(), cut]);
  return result;
}

async function left(transport: { readonly queues?: { stats(): Promise<readonly object[]> } }): Promise<number> {
  const rows = (await transport.queues?.stats()) as readonly { depth: number; inFlight: number; delayed: number }[];
  return rows.reduce((sum, row) => sum + row.depth + row.inFlight + row.delayed, 0);
}
