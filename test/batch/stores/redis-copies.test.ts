import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { recordsOf } from '../../../src/batch/records.js';
import { Steps } from '../../../src/batch/steps.js';
import { RedisStore } from '../../../src/batch/stores/redis/redis-store.js';
import type { Applied, OutboxEntry, Step } from '../../../src/contracts/batch-store.js';
import { startRedis } from '../../brokers/redis.js';

// What a process knows of the batches that are at work in it, and what it writes later than it says so.

const redis = await startRedis();
afterAll(() => redis.dispose());
const steps = new Steps(() => Date.now());

function opened(): RedisStore {
  const store = new RedisStore({ url: redis.url });
  onTestFinished(() => store.close());
  return store;
}

/** A sequence that tells of its progress. */
async function sequence(store: RedisStore, length: number) {
  const id = crypto.randomUUID();
  const job = (n: number) =>
    ({ kind: 'job', event: 'work', payload: `{"n":${n}}`, queue: undefined, key: undefined }) as const;
  const definition = {
    name: 'sequence',
    parallel: false,
    allowFailures: false,
    events: { progress: 'order.progress', then: 'order.done' },
    stages: Array.from({ length }, (_, n) => [job(n)]),
  };
  const [made] = recordsOf(definition, id, Date.now());
  if (!made) throw new Error('nothing to make');
  const seal = steps.seal(id);
  const applied = await store.create(made.batch, made.jobs, seal);
  return { id, jobs: made.jobs.map((one) => one.id), applied, held: seal.relayUntil ?? 0 };
}

async function apply(store: RedisStore, step: Step): Promise<Applied> {
  const [applied] = await store.apply([step]);
  if (!applied) throw new Error('there is no such batch');
  return applied;
}

const last = (entries: readonly OutboxEntry[]) => entries.at(-1)?.seq ?? 0;
const succeeded = (result: string) => ({ kind: 'succeeded', result }) as const;

describe('an entry about jobs', () => {
  test('comes with them and with what the stage before returned', async () => {
    const store = opened();
    const { id, jobs, applied, held } = await sequence(store, 2);
    expect(applied?.outbox.map(({ stage }) => stage?.jobs.map((job) => job.payload))).toEqual([['{"n":0}']]);
    await store.sent(id, last(applied?.outbox ?? []), held, held + 1);
    await apply(store, steps.begin(id, jobs[0] ?? '', 'work'));
    const { outbox } = await apply(store, steps.settle(id, jobs[0] ?? '', succeeded('"r"')));
    const [, next] = outbox;
    expect(next?.out.kind).toBe('jobs');
    expect(next?.stage).toEqual({ jobs: await store.jobs(id, 1, 1), results: ['"r"'] });
  });
});

describe('what a relay has sent', () => {
  test('is crossed off by the next step, which gets what came since, and its lease', async () => {
    const store = opened();
    const { id, jobs, applied, held } = await sequence(store, 3);
    await store.sent(id, last(applied?.outbox ?? []), held, held + 1);
    const first = steps.settle(id, jobs[0] ?? '', succeeded('1'));
    const { outbox } = await apply(store, first);
    const crossing = store.sent(id, last(outbox), first.relayUntil ?? 0, (first.relayUntil ?? 0) + 1);
    const second = steps.settle(id, jobs[1] ?? '', succeeded('2'));
    const taken = await apply(store, second);
    expect(taken.outbox.map(({ out }) => out.kind)).toEqual(['event', 'jobs']);
    expect(await crossing).toEqual([]);
    // The lease is the second one's: nobody else gets it until that is over.
    expect(await opened().takeOutbox(id, second.now + 99_999, second.now + 1)).toEqual([]);
    expect(await store.outbox(id)).toHaveLength(2);
  });

  test('is crossed off soon where no step comes', async () => {
    const store = opened();
    const { id, jobs, applied, held } = await sequence(store, 2);
    await store.sent(id, last(applied?.outbox ?? []), held, held + 1);
    const first = steps.settle(id, jobs[0] ?? '', succeeded('1'));
    const { outbox } = await apply(store, first);
    expect(await store.sent(id, last(outbox), first.relayUntil ?? 0, 0)).toEqual([]);
    expect(await opened().outbox(id)).toEqual([]);
  });
});

describe('that a job has begun', () => {
  test('is written when its store is closed', async () => {
    const store = new RedisStore({ url: redis.url });
    const { id, jobs } = await sequence(store, 1);
    await apply(store, steps.begin(id, jobs[0] ?? '', 'work'));
    await store.close();
    expect((await opened().jobs(id, 0, 1))[0]).toMatchObject({ state: 'running', attempts: 1 });
  });

  test('comes to nothing where others have cancelled the batch; its result is refused', async () => {
    const [store, other] = [opened(), opened()];
    await other.open();
    for (let isWritten = true; isWritten; ) {
      const { id, jobs } = await sequence(store, 2);
      expect((await apply(store, steps.begin(id, jobs[0] ?? '', 'work'))).accepted).toBe(true);
      // It is written by itself soon: on a machine that stands still that may be sooner than this.
      isWritten = (await apply(other, steps.cancel(id))).batch.counts.running > 0;
      if (isWritten) continue;
      const { accepted, batch } = await apply(store, steps.settle(id, jobs[0] ?? '', succeeded('1')));
      expect([accepted, batch.status, batch.counts.cancelled]).toEqual([false, 'cancelled', 2]);
    }
  });
});
