import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { recordsOf } from '../../../src/batch/records.js';
import { Steps } from '../../../src/batch/steps.js';
import { RedisStore } from '../../../src/batch/stores/redis/redis-store.js';
import type { Applied, OutboxEntry, Step } from '../../../src/contracts/batch-store.js';
import { freePort } from '../../brokers/ports.js';
import { type RedisServer, type RedisServerOptions, startRedis } from '../../brokers/redis.js';
import { TcpProxy } from '../../brokers/tcp-proxy.js';

// What becomes of a batch when its Redis, or the way to it, breaks. With the transitions that thrun has.

const LEASE_MS = 30_000;
const JOB = { kind: 'job', event: 'work', queue: undefined, key: undefined } as const;
const steps = new Steps(() => Date.now());

async function server(options?: RedisServerOptions): Promise<RedisServer> {
  const redis = await startRedis(options);
  onTestFinished(() => redis.dispose());
  return redis;
}

function opened(options: ConstructorParameters<typeof RedisStore>[0]): RedisStore {
  const store = new RedisStore(options);
  onTestFinished(() => store.close());
  return store;
}

function admin(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

async function proxied(options: object = {}): Promise<{ redis: RedisServer; proxy: TcpProxy; store: RedisStore }> {
  const redis = await server();
  const proxy = await TcpProxy.to(redis.port);
  onTestFinished(() => proxy.close());
  const store = opened({ url: `redis://127.0.0.1:${proxy.port}`, ...options });
  // Of a script that the server does not know yet the first answer says just that.
  const { id, jobs } = await make(store, 1);
  await store.apply(jobs.map((job) => steps.settle(id, job, succeeded('1'))));
  await everything(store, id);
  await store.prune({ finishedBefore: Date.now() + 1 });
  return { redis, proxy, store };
}

/** All beside each other, so that they are all up at once. */
async function make(store: RedisStore, jobs: number): Promise<{ id: string; jobs: readonly string[] }> {
  const id = crypto.randomUUID();
  const member = (n: number) => ({ ...JOB, payload: JSON.stringify({ n }) });
  const definition = {
    name: 'faults',
    parallel: true,
    allowFailures: true,
    events: { progress: 'order.progress', finally: 'order.finished' },
    stages: [Array.from({ length: jobs }, (_, n) => member(n))],
  };
  const [made] = recordsOf(definition, id, Date.now());
  if (!made) throw new Error('nothing to make');
  await store.create(made.batch, made.jobs, steps.seal(id));
  return { id, jobs: made.jobs.map((job) => job.id) };
}

async function apply(store: RedisStore, step: Step): Promise<Applied | undefined> {
  return (await store.apply([step]))[0];
}

/** As a worker does it: until the store has taken it. */
async function insist<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      expect(error).toMatchObject({ code: 'THRUN_STORE_UNAVAILABLE' });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

const succeeded = (result: string) => ({ kind: 'succeeded', result }) as const;

function announced(entries: readonly OutboxEntry[], lifecycle: string): string[] {
  return entries.flatMap(({ out }) => (out.kind === 'event' && out.lifecycle === lifecycle ? [out.eventId] : []));
}

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
        while (settled < kill * 60) await new Promise((resolve) => setTimeout(resolve, 1));
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
  }, 60_000);

  test('while it is away a step is refused in time, and done once it is back', async () => {
    const redis = await server({ appendfsync: 'always' });
    const store = opened({ url: redis.url, timeoutMs: 300 });
    const { id, jobs } = await make(store, 1);
    await redis.kill();
    // That it has begun is taken on trust; how it ended is not.
    expect(await apply(store, steps.begin(id, jobs[0] ?? '', 'work'))).toMatchObject({ accepted: true });
    const settle = steps.settle(id, jobs[0] ?? '', succeeded('1'));
    const began = performance.now();
    await expect(apply(store, settle)).rejects.toMatchObject({ code: 'THRUN_STORE_UNAVAILABLE' });
    expect(performance.now() - began).toBeLessThan(3000);
    await redis.start();
    expect((await insist(() => apply(store, settle)))?.accepted).toBe(true);
    expect((await store.jobs(id, 0, 1))[0]).toMatchObject({ state: 'succeeded', attempts: 1 });
  });
});

/** The outbox, whoever has the lease. */
async function everything(store: RedisStore, id: string): Promise<readonly OutboxEntry[]> {
  const all: OutboxEntry[] = [];
  const late = Date.now() + 10 * LEASE_MS;
  let held = late + LEASE_MS;
  for (let entries = await store.takeOutbox(id, held, late); entries.length > 0; held++) {
    all.push(...entries);
    entries = await store.sent(id, entries.at(-1)?.seq ?? 0, held, held + 1);
  }
  return all;
}

describe('an answer that is lost', () => {
  test('a step was applied, and is not applied again; the lease came with it', async () => {
    const { proxy, store, redis } = await proxied();
    const { id, jobs } = await make(store, 3);
    await everything(store, id);
    const cut = proxy.cutAfter('"cut here');
    const settle = steps.settle(id, jobs[0] ?? '', succeeded('"cut here"'));
    const applied = apply(store, settle);
    await cut;
    // Another process is quicker than the one that has to find out.
    const other = opened({ url: redis.url });
    const begun = await apply(other, { ...steps.begin(id, jobs[1] ?? '', 'work'), relayUntil: undefined });
    expect(begun?.accepted).toBe(true);
    expect((await other.get(id))?.counts.running).toBe(1);
    const answer = await applied;
    expect(answer?.accepted).toBe(true);
    expect(answer?.batch.counts.succeeded).toBe(1);
    expect(announced(answer?.outbox ?? [], 'progress')).toHaveLength(1);
    expect(await store.takeOutbox(id, Date.now() + LEASE_MS, Date.now())).toEqual([]);
    expect(await store.get(id)).toMatchObject({ counts: { succeeded: 1, running: 1, queued: 1 } });
    expect(announced(await store.outbox(id), 'progress')).toHaveLength(1);
  });

  test('jobs that begin are counted once', async () => {
    const { proxy, store } = await proxied();
    const { id, jobs } = await make(store, 2);
    const cut = proxy.cutAfter('"running":1');
    const applied = apply(store, steps.begin(id, jobs[0] ?? '', 'work'));
    await cut;
    expect((await applied)?.accepted).toBe(true);
    expect((await store.jobs(id, 0, 1))[0]).toMatchObject({ state: 'running', attempts: 1 });
  });

  test('a batch that was made is made once, and can be found', async () => {
    const { proxy, store } = await proxied();
    const cut = proxy.cutAfter('"faults"');
    const making = make(store, 5);
    await cut;
    const { id } = await making;
    expect((await store.get(id))?.counts.queued).toBe(5);
    expect((await store.list({}, 10)).map((batch) => batch.id)).toEqual([id]);
    expect((await store.outbox(id)).map(({ out }) => out.kind)).toEqual(['jobs']);
  });

  test('a relay keeps its lease', async () => {
    const { proxy, store } = await proxied();
    const { id } = await make(store, 1);
    const now = Date.now() + 2 * LEASE_MS;
    const until = now + 123_456;
    const taken = proxy.cutAfter(String(until));
    const taking = store.takeOutbox(id, until, now);
    await taken;
    const entries = await taking;
    expect(entries).toHaveLength(1);
    const extended = until + 1;
    const cut = proxy.cutAfter(String(extended));
    await store.apply([{ ...steps.begin(id, '', 'work'), relayUntil: undefined }]);
    await store.apply([{ ...steps.cancel(id), relayUntil: undefined }]);
    const crossing = store.sent(id, entries[0]?.seq ?? 0, until, extended);
    await cut;
    expect(announced(await crossing, 'finally')).toHaveLength(1);
  });

  test('a black hole is given up on, and found out of', async () => {
    const { proxy, store } = await proxied({ timeoutMs: 200 });
    const { id, jobs } = await make(store, 1);
    proxy.blackhole();
    const settle = steps.settle(id, jobs[0] ?? '', succeeded('1'));
    await expect(apply(store, settle)).rejects.toMatchObject({ code: 'THRUN_STORE_UNAVAILABLE' });
    proxy.pass();
    expect((await insist(() => apply(store, settle)))?.accepted).toBe(true);
  });
});

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
