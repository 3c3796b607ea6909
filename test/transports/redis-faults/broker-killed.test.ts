import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createThrun } from '../../../src/index.js';
import { opened, server, TRANSPORTS } from './stage.js';

const EVENTS = 20_000;
const PUBLISHERS = 20;

describe.each(TRANSPORTS)('%s', (name, transport) => {
  test('the server is killed twice under load: nothing confirmed is lost, and the worker goes on by itself', async () => {
    const redis = await server({ appendfsync: 'always' });
    const app = await createThrun({
      group: 'workers',
      transport: name as 'redis-list',
      transports: { redis: { url: redis.url, timeout: '1s' } },
      worker: { visibilityTimeout: '2s', concurrency: 50 },
      logLevel: 'silent',
    });
    onTestFinished(() => app.close());
    const handled = new Map<number, number>();
    let lastHandled = performance.now();
    app.subscribe('counted', ({ n }: { n: number }) => {
      handled.set(n, (handled.get(n) ?? 0) + 1);
      lastHandled = performance.now();
    });
    await app.work();

    const confirmed = new Set<number>();
    const unsure = new Set<number>();
    let next = 0;
    const publish = async () => {
      while (next < EVENTS) {
        const n = next++;
        await app.event('counted', { n }).then(
          () => confirmed.add(n),
          () => unsure.add(n),
        );
      }
    };
    const publishing = Promise.all(Array.from({ length: PUBLISHERS }, publish));
    for (const part of [1, 2]) {
      await vi.waitFor(() => expect(next).toBeGreaterThan((EVENTS * part) / 3), { timeout: 60_000, interval: 2 });
      await redis.kill();
      await redis.start();
      const from = performance.now();
      await vi.waitFor(() => expect(lastHandled).toBeGreaterThan(from), { timeout: 30_000, interval: 10 });
    }
    await publishing;
    expect(confirmed.size).toBeGreaterThan(EVENTS / 2);
    await vi.waitFor(() => expect([...confirmed].filter((n) => !handled.has(n))).toEqual([]), 60_000);
    // Every other one was refused, or its answer was lost: then it may be there, but not twice.
    expect([...handled.keys()].filter((n) => !confirmed.has(n) && !unsure.has(n))).toEqual([]);
  }, 240_000);

  test('a server that is not there is told apart from one that does not answer', async () => {
    const redis = await server();
    await redis.stop();
    await expect(transport({ url: redis.url, timeoutMs: 500 }).open()).rejects.toMatchObject({
      code: 'THRUN_TRANSPORT_UNAVAILABLE',
      message: expect.stringContaining(`${name} cannot be reached: redis://127.0.0.1:${redis.port}: `) as string,
    });
    await redis.start();
    const sender = await opened(transport({ url: redis.url, timeoutMs: 2000 }));
    await sender.publish('events', [{ body: Buffer.from('w'), event: 'x' }]);
    redis.pause();
    await expect(sender.publish('events', [{ body: Buffer.from('x'), event: 'x' }])).rejects.toMatchObject({
      code: 'THRUN_PUBLISH_UNKNOWN',
    });
    redis.resume();
    await sender.publish('events', [{ body: Buffer.from('y'), event: 'x' }]);
  });
});
