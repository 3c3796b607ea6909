import { describe, expect, test } from 'vitest';
import { admin, everything, make, opened, server, steps, succeeded } from './stage.js';

describe('what a crash between the index and the batch leaves', () => {
  test('a batch that was noted and never made is in nobody’s way, and forgotten', async () => {
    const redis = await server();
    const store = opened({ url: redis.url });
    const { id } = await make(store, 0);
    await everything(store, id);
    const client = admin(redis.url);
    const now = Date.now();
    const keys = ['all', 'unsealed', 'outbox', 'idle'].map((name) => `{thrun:batches}:${name}`);
    for (const key of keys) await client.zadd(key, now - 1000, 'ghost');
    const times = (at: number) => ({ unsealed: at, outbox: at, idle: at, now: at });
    expect(await store.overdue(times(now), 10)).toEqual([]);
    expect((await store.list({}, 10)).map((batch) => batch.id)).toEqual([id]);
    // It might still be made.
    expect(await client.zscore('{thrun:batches}:idle', 'ghost')).not.toBeNull();
    expect(await store.prune({ finishedBefore: now - 500 })).toBe(0);
    expect(await client.zscore('{thrun:batches}:all', 'ghost')).not.toBeNull();
    const later = now + 2 * 3_600_000;
    expect(await store.overdue(times(later), 10)).toEqual([]);
    expect(await store.prune({ finishedBefore: now - 500 })).toBe(0);
    expect(await Promise.all(keys.map((key) => client.zscore(key, 'ghost')))).toEqual([null, null, null, null]);
  });

  test('nothing is left of a batch that was pruned', async () => {
    const redis = await server();
    const store = opened({ url: redis.url });
    const { id, jobs } = await make(store, 3);
    await store.apply(jobs.map((job) => steps.settle(id, job, succeeded('1'))));
    await everything(store, id);
    expect(await store.prune({ finishedBefore: Date.now() + 1 })).toBe(1);
    expect(await admin(redis.url).keys('*')).toEqual(['{thrun:batches}:format']);
  });
});
