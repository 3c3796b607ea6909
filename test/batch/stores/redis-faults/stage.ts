import { Redis } from 'ioredis';
import { expect, onTestFinished } from 'vitest';
import { recordsOf } from '../../../../src/batch/records.js';
import { Steps } from '../../../../src/batch/steps.js';
import { RedisStore } from '../../../../src/batch/stores/redis/redis-store.js';
import type { Applied, NewJob, OutboxEntry, Step } from '../../../../src/contracts/batch-store.js';
import { type RedisServer, type RedisServerOptions, startRedis } from '../../../brokers/redis.js';
import { TcpProxy } from '../../../brokers/tcp-proxy.js';

// What becomes of a batch when its Redis, or the way to it, breaks. With the transitions that thrun has.

export const LEASE_MS = 30_000;
const JOB = { kind: 'job', event: 'work', queue: undefined, key: undefined } as const;
export const steps = new Steps(() => Date.now());

export async function server(options?: RedisServerOptions): Promise<RedisServer> {
  const redis = await startRedis(options);
  onTestFinished(() => redis.dispose());
  return redis;
}

export function opened(options: ConstructorParameters<typeof RedisStore>[0]): RedisStore {
  const store = new RedisStore(options);
  onTestFinished(() => store.close());
  return store;
}

export function admin(url: string): Redis {
  const client = new Redis(url);
  client.on('error', () => undefined);
  onTestFinished(() => client.disconnect());
  return client;
}

export async function proxied(
  options: object = {},
): Promise<{ redis: RedisServer; proxy: TcpProxy; store: RedisStore }> {
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

/** All beside each other, so that they are all up at once; else one after the other. */
export async function make(
  store: RedisStore,
  jobs: number,
  parallel = true,
): Promise<{ id: string; jobs: readonly string[] }> {
  const id = crypto.randomUUID();
  const member = (n: number) => ({ ...JOB, payload: JSON.stringify({ n }) });
  const members = Array.from({ length: jobs }, (_, n) => member(n));
  const definition = {
    name: 'faults',
    parallel,
    allowFailures: true,
    events: { progress: 'order.progress', finally: 'order.finished' },
    stages: parallel ? [members] : members.map((one) => [one]),
  };
  const [made] = recordsOf(definition, id, Date.now());
  if (!made) throw new Error('nothing to make');
  await store.create(made.batch, made.jobs, steps.seal(id));
  return { id, jobs: made.jobs.map((job) => job.id) };
}

/** To be added to a batch. */
export function another(payload: string): NewJob {
  const member = { ...JOB, payload: JSON.stringify(payload) };
  const definition = { name: 'faults', parallel: false, allowFailures: false, events: {}, stages: [[member]] };
  const [job] = recordsOf(definition, crypto.randomUUID(), Date.now())[0]?.jobs ?? [];
  if (!job) throw new Error('nothing to add');
  return job;
}

export async function apply(store: RedisStore, step: Step): Promise<Applied | undefined> {
  return (await store.apply([step]))[0];
}

/** As a worker does it: until the store has taken it. */
export async function insist<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      expect(error).toMatchObject({ code: 'THRUN_STORE_UNAVAILABLE' });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export const succeeded = (result: string) => ({ kind: 'succeeded', result }) as const;

export function announced(entries: readonly OutboxEntry[], lifecycle: string): string[] {
  return entries.flatMap(({ out }) => (out.kind === 'event' && out.lifecycle === lifecycle ? [out.eventId] : []));
}

/** The outbox, whoever has the lease. */
export async function everything(store: RedisStore, id: string): Promise<readonly OutboxEntry[]> {
  const all: OutboxEntry[] = [];
  const late = Date.now() + 10 * LEASE_MS;
  let held = late + LEASE_MS;
  for (let entries = await store.takeOutbox(id, held, late); entries.length > 0; held++) {
    all.push(...entries);
    entries = await store.sent(id, entries.at(-1)?.seq ?? 0, held, held + 1);
  }
  return all;
}
