import { describe, expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../../brokers/ports.js';
import { TcpProxy } from '../../../brokers/tcp-proxy.js';
import { admin, announced, everything, make, opened, server, steps, succeeded } from './stage.js';

describe('a Redis with troubles of its own', () => {
  test('one that has forgotten its scripts is told them again', async () => {
    const redis = await server();
    const store = opened({ url: redis.url });
    const { id, jobs } = await make(store, 20);
    const client = admin(redis.url);
    for (const [n, job] of jobs.entries()) {
      if (n % 5 === 0) await client.script('FLUSH');
      const both = [steps.begin(id, job, 'work'), steps.settle(id, job, succeeded('1'))];
      expect((await store.apply(both)).map((answer) => answer?.accepted)).toEqual([true, true]);
    }
    expect(await store.get(id)).toMatchObject({ status: 'succeeded', counts: { succeeded: 20 } });
  });

  test('a full one goes on with the batches it has, and refuses new ones', async () => {
    const redis = await server();
    const store = opened({ url: redis.url });
    const { id, jobs } = await make(store, 50);
    const client = admin(redis.url);
    await client.config('SET', 'maxmemory', '1mb');
    await expect(make(store, 1)).rejects.toMatchObject({
      code: 'THRUN_STORE_UNAVAILABLE',
      message: expect.stringMatching(/OOM.*raise its maxmemory/) as string,
    });
    for (const job of jobs) {
      await store.apply([steps.begin(id, job, 'work'), steps.settle(id, job, succeeded('1'))]);
    }
    expect(await store.get(id)).toMatchObject({ status: 'succeeded', counts: { succeeded: 50 } });
    expect(announced(await everything(store, id), 'progress')).toHaveLength(50);
    expect(await store.prune({ finishedBefore: Date.now() + 1 })).toBe(1);
    await client.config('SET', 'maxmemory', '0');
    expect(await store.get((await make(store, 1)).id)).toBeDefined();
    // Of the one that was refused nothing is left behind for good.
    expect(await store.list({}, 10)).toHaveLength(1);
  });

  test('one that is not there yet is tried anew, and its password is not shown', async () => {
    const port = await freePort();
    const store = opened({ url: `redis://:hunter2@127.0.0.1:${port}` });
    const refusal = await store.open().catch((error: Error) => error);
    expect(refusal).toMatchObject({ code: 'THRUN_STORE_UNAVAILABLE' });
    expect(String(refusal)).toContain(String(port));
    expect(String(refusal)).not.toContain('hunter2');
    const redis = await server({ password: 'hunter2' });
    const proxy = await TcpProxy.to(redis.port, port);
    onTestFinished(() => proxy.close());
    await store.open();
    expect(await store.used()).toBe(false);
  });

  test('batches of another layout are left alone', async () => {
    const redis = await server();
    await admin(redis.url).set('{thrun:batches}:format', '9');
    await expect(opened({ url: redis.url }).open()).rejects.toMatchObject({
      code: 'THRUN_STORE_UNAVAILABLE',
      message: expect.stringContaining('another version of thrun (format 9, this one reads 2)') as string,
    });
  });
});
