import { describe, expect, test, vi } from 'vitest';
import type { RedisStore } from '../../../../src/batch/stores/redis/redis-store.js';
import { announced, apply, everything, insist, make, opened, server, steps, succeeded } from './stage.js';

describe('a Redis that is killed', () => {
  test('in the middle of it loses no count and makes none twice', async () => {
    const redis = await server({ appendfsync: 'always' });
    const stores = [1, 2].map(() => opened({ url: redis.url, timeoutMs: 2000 }));
    const [store] = stores as [RedisStore];
    const { id, jobs } = await make(store, 400);
    let settled = 0;
    let killing = true;
    const kills = (async () => {
      for (let kill = 1; kill <= 5; kill++) {
        await vi.waitFor(() => expect(settled).toBeGreaterThanOrEqual(kill * 60), { interval: 1, timeout: 60_000 });
        await redis.kill();
        await redis.start();
      }
      killing = false;
    })();
    const left = [...jobs];
    const worker = async (own: RedisStore) => {
      for (let job = left.pop(); job !== undefined; job = left.pop()) {
        const jobId = job;
        await insist(() => apply(own, steps.begin(id, jobId, 'work')));
        const step = { ...steps.settle(id, jobId, succeeded('1')), relayUntil: undefined };
        await insist(() => apply(own, step));
        // Its message comes twice, as at least once allows.
        await insist(() => apply(own, step));
        settled++;
      }
    };
    await Promise.all([...Array.from({ length: 10 }, (_, n) => worker(stores[n % 2] as RedisStore)), kills]);
    expect(killing).toBe(false);
    const batch = await store.get(id);
    expect(batch).toMatchObject({ status: 'succeeded', counts: { succeeded: 400, running: 0, queued: 0, waiting: 0 } });
    const entries = await everything(store, id);
    expect(new Set(announced(entries, 'progress')).size).toBe(400);
    expect(announced(entries, 'progress')).toHaveLength(400);
    expect(announced(entries, 'finally')).toHaveLength(1);
    expect((await store.results(id, 0)).every((result) => result === '1')).toBe(true);
  }, 180_000);

  test('while it is away a step is refused in time, and done once it is back', async () => {
    const redis = await server({ appendfsync: 'always' });
    const store = opened({ url: redis.url, timeoutMs: 1000 });
    const { id, jobs } = await make(store, 1);
    await redis.kill();
    // That it has begun is taken on trust; how it ended is not.
    expect(await apply(store, steps.begin(id, jobs[0] ?? '', 'work'))).toMatchObject({ accepted: true });
    const settle = steps.settle(id, jobs[0] ?? '', succeeded('1'));
    const began = performance.now();
    await expect(apply(store, settle)).rejects.toMatchObject({ code: 'THRUN_STORE_UNAVAILABLE' });
    // Without being told it waits for five seconds.
    expect(performance.now() - began).toBeLessThan(4500);
    await redis.start();
    expect((await insist(() => apply(store, settle)))?.accepted).toBe(true);
    expect((await store.jobs(id, 0, 1))[0]).toMatchObject({ state: 'succeeded', attempts: 1 });
  });
});
