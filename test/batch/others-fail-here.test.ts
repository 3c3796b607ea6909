import { afterEach, describe, expect, test } from 'vitest';
import { jobInput } from '../../src/batch/job-message.js';
import { RELAY_LEASE_MS } from '../../src/batch/steps.js';
import type { BatchMembers } from '../../src/batch/members.js';
import type { JobBatch, LifecyclePayload } from '../../src/contracts/batch.js';
import { GiveUp, type JobContext } from '../../src/contracts/listener.js';
import { ThrunJob } from '../../src/registry/decorators.js';
import { type TestThrun, testThrun } from '../../src/testing/test-thrun.js';
import { MortalStore } from './mortal-store.js';

/**
 * Where batches of other systems hang, or call back too early or twice. Each test names the thread it is about:
 * repository#number on GitHub.
 */

/** A lease that a dead relay holds runs out, and the sweeper comes by. */
const REPAIRED_MS = RELAY_LEASE_MS + 15_000;

let ran: string[] = [];
let failuresOf: Record<string, number> = {};
let duringRun: (name: string, batch: JobBatch | undefined) => unknown = () => undefined;

@ThrunJob('work', { retry: { attempts: 3, delay: '1s', jitter: 0 } })
class Work {
  constructor(readonly payload: { readonly name: string; readonly fails?: boolean }) {}
  async handle({ batch }: JobContext) {
    const { name, fails } = this.payload;
    ran.push(name);
    await duringRun(name, batch);
    if (fails) throw new GiveUp(`${name} gave up`);
    const left = failuresOf[name] ?? 0;
    failuresOf[name] = left - 1;
    if (left > 0) throw new Error(`${name} failed`);
    return { did: name };
  }
}

const work = (name: string) => new Work({ name });
const failing = (name: string) => new Work({ name, fails: true });
const many = (count: number) => Array.from({ length: count }, (_, n) => work(`job ${n}`));

interface Heard {
  readonly kind: string;
  readonly id: string;
  readonly payload: LifecyclePayload;
}

let open: TestThrun | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
  ran = [];
  failuresOf = {};
  duringRun = () => undefined;
});

async function start() {
  const store = new MortalStore();
  const app = await testThrun({ run: [Work], batches: { store } });
  open = app;
  const { thrun } = app;
  const heard: Heard[] = [];
  thrun.subscribe('b.*', (payload, { event, meta }) => {
    heard.push({ kind: event.slice(2), id: meta.event_id, payload: payload as LifecyclePayload });
  });
  const batch = (members: BatchMembers) =>
    // oxlint-disable-next-line promise/valid-params -- with a name it is no promise
    thrun.batch(members).then('b.then').catch('b.catch').finally('b.finally').progress('b.progress');
  return {
    ...app,
    store,
    heard,
    batch,
    batches: await thrun.batches(),
    /** Of distinct events: what was heard, but for progress. */
    kinds: () =>
      [...new Map(heard.map((event) => [event.id, event.kind])).values()].filter((kind) => kind !== 'progress'),
    again: (kind: string) => heard.filter((event) => event.kind === kind).length,
  };
}

describe('a failure in the middle', () => {
  test('laravel/framework#39243, #39562: a failed link of a chain inside a batch: the other chain goes on, finally comes', async () => {
    const { thrun, batch, settle, kinds, batches } = await start();
    const chain = (name: string, first = work(`${name}1`)) => thrun.batch([first, work(`${name}2`), work(`${name}3`)]);
    const id = await batch([chain('a', failing('a1')), chain('b')])
      .parallel()
      .allowFailures();
    await settle();
    expect(ran.toSorted()).toEqual(['a1', 'b1', 'b2', 'b3']);
    expect(kinds()).toEqual(['catch', 'finally']);
    expect(await batches.progress(id)).toMatchObject({ status: 'failed', completed: 2, succeeded: 1, failed: 1 });
  });

  test('laravel/framework#35711: a failed job is settled too: five of five, and not four', async () => {
    const { batch, settle, heard, kinds } = await start();
    await batch([...many(4), failing('last')])
      .parallel()
      .allowFailures();
    await settle();
    expect(kinds()).toEqual(['catch', 'finally']);
    expect(heard.at(-1)?.payload).toMatchObject({ total: 5, completed: 5, percent: 100, succeeded: 4, failed: 1 });
  });

  test('laravel/framework#44111: allowFailures with one failure: the rest runs, and catch comes once', async () => {
    const { batch, settle, kinds, heard } = await start();
    await batch([work('a'), failing('b'), work('c'), failing('d')]).allowFailures();
    await settle();
    expect(ran).toEqual(['a', 'b', 'c', 'd']);
    expect(kinds()).toEqual(['catch', 'finally']);
    expect(heard.find(({ kind }) => kind === 'catch')?.payload.error?.message).toBe('b gave up');
  });

  test('taskforcesh/bullmq#3362, #3122, #800: a child fails for good, and its parent does not wait for ever', async () => {
    const { thrun, batch, settle, kinds, batches } = await start();
    const id = await batch([thrun.batch([work('x'), failing('y')]).name('child'), work('parent')]);
    await settle();
    expect(ran).toEqual(['x', 'y']);
    expect(kinds()).toEqual(['catch', 'finally']);
    expect(await batches.progress(id)).toMatchObject({ status: 'failed', failed: 1, skipped: 1, percent: 100 });
  });
});

describe('a death at the worst moment', () => {
  test('laravel/horizon#1512: between the commit of the last job and its callback', async () => {
    const { batch, settle, advance, kinds, store } = await start();
    store.diesAfter = (_, applied) => applied?.batch.finishedAt !== undefined;
    await batch([work('a'), work('b')]);
    await settle();
    expect(kinds()).toEqual([]);
    store.diesAfter = () => false;
    await advance(REPAIRED_MS);
    expect(kinds()).toEqual(['then', 'finally']);
  });

  test('celery/celery#2952, #4207: the chord of a hundred, whose body is sent by a worker that dies before it has noted so', async () => {
    const { batch, settle, advance, kinds, again, store } = await start();
    await batch([many(100), work('body')]);
    duringRun = (name) => {
      if (name === 'body') store.diesUnsent = true;
    };
    await settle();
    await advance(REPAIRED_MS);
    expect(ran.filter((name) => name === 'body')).toHaveLength(1);
    expect(again('then')).toBe(2);
    // Heard twice, and known by its id: it is one event.
    expect(kinds()).toEqual(['then', 'finally']);
  });

  test('celery/celery#2911, #4207: at each single step of a chord in turn', async () => {
    const { batch, settle, advance, kinds, store, batches } = await start();
    for (let death = 0; death < 12; death++) {
      let steps = 0;
      store.diesAfter = () => steps++ === death;
      const id = await batch([many(4), work('body')]);
      await settle();
      await advance(REPAIRED_MS);
      expect(await batches.progress(id)).toMatchObject({ status: 'succeeded', succeeded: 5 });
    }
    expect(kinds()).toEqual(Array.from({ length: 12 }, () => ['then', 'finally']).flat());
  });

  test('celery/celery#1700: its maker dies half-way: given up after a minute, told, and nothing of it has run', async () => {
    const { batch, settle, advance, kinds, store, batches } = await start();
    await settle();
    store.beforeFill = () => Promise.reject(new Error('the process has died'));
    await expect(batch(many(1500))).rejects.toThrow('has died');
    await advance(90_000);
    const [abandoned] = await batches.list();
    expect(abandoned).toMatchObject({ status: 'failed', sealed: false, counts: { skipped: 1000, waiting: 0 } });
    expect(ran).toEqual([]);
    expect(kinds()).toEqual(['catch', 'finally']);
  });
});

describe('too early', () => {
  test('sidekiq/sidekiq#5068, #4685: a job that is queued again is not done: then waits for its last attempt', async () => {
    const { batch, settle, advance, kinds } = await start();
    failuresOf = { 'job 1': 2 };
    await batch(many(3)).parallel();
    await settle();
    expect(kinds()).toEqual([]);
    await advance(1000);
    expect(kinds()).toEqual([]);
    await advance(2000);
    expect(ran.filter((name) => name === 'job 1')).toHaveLength(3);
    expect(kinds()).toEqual(['then', 'finally']);
  });

  test('breamware/sidekiq-batch#29, #20: nothing runs before the batch is whole, so none can be done before it is', async () => {
    const { batch, settle, kinds, heard, store } = await start();
    await settle();
    store.beforeFill = async () => {
      await settle();
      expect(ran).toEqual([]);
    };
    await batch(many(2500)).parallel();
    await settle();
    expect(kinds()).toEqual(['then', 'finally']);
    expect(heard.every(({ payload }) => payload.total === 2500)).toBe(true);
  });

  test('breamware/sidekiq-batch#69, #100: an add from the last job: then waits for what it added', async () => {
    const { batch, settle, kinds, heard } = await start();
    duringRun = async (name, running) => {
      if (name === 'last') await running?.add([work('added'), work('added too')]);
    };
    await batch([work('first'), work('last')]);
    await settle();
    expect(ran).toEqual(['first', 'last', 'added', 'added too']);
    expect(kinds()).toEqual(['then', 'finally']);
    expect(heard.at(-1)?.payload).toMatchObject({ total: 4, succeeded: 4 });
  });
});

describe('never', () => {
  test('sidekiq/sidekiq#3050, #5678, laravel/framework#58163: an empty batch', async () => {
    const { batch, settle, kinds, heard } = await start();
    await batch([]);
    await settle();
    expect(kinds()).toEqual(['then', 'finally']);
    expect(heard.at(-1)?.payload).toMatchObject({ status: 'succeeded', total: 0, percent: 100 });
  });

  test('sidekiq/sidekiq#5455: an empty batch inside another', async () => {
    const { thrun, batch, settle, kinds } = await start();
    await batch([thrun.batch([]), work('after')]);
    await settle();
    expect(ran).toEqual(['after']);
    expect(kinds()).toEqual(['then', 'finally']);
  });

  test('taskforcesh/bullmq#2644: one job after fifteen, twenty times: it is scheduled every time', async () => {
    const { batch, settle, kinds } = await start();
    await Promise.all(Array.from({ length: 20 }, () => batch([many(15), work('parent')]).dispatch()));
    await settle();
    expect(ran.filter((name) => name === 'parent')).toHaveLength(20);
    expect(kinds().toSorted()).toEqual([...Array(20).fill('finally'), ...Array(20).fill('then')]);
  });

  test('laravel/framework#36180: a cancelled batch ends, and says so once', async () => {
    const { batch, settle, kinds, batches } = await start();
    duringRun = async (name, running) => {
      if (name === 'job 1') await running?.cancel();
    };
    const id = await batch(many(4));
    await settle();
    expect(ran).toEqual(['job 0', 'job 1']);
    expect(await batches.progress(id)).toMatchObject({ status: 'cancelled', succeeded: 2, cancelled: 2, percent: 100 });
    expect(kinds()).toEqual(['finally']);
  });
});

describe('twice', () => {
  test('laravel/framework#38804: whoever hears then cannot start the batch over by adding to it', async () => {
    const { thrun, batch, settle, kinds, batches } = await start();
    const refused: unknown[] = [];
    thrun.subscribe('b.then', async ({ batch_id }: LifecyclePayload) => {
      const [job] = await batches.jobs(batch_id);
      await batches.add(batch_id, job?.id ?? '', 0, [work('more')]).catch((error: unknown) => refused.push(error));
    });
    await batch([work('a')]);
    await settle();
    expect(refused).toMatchObject([{ code: 'THRUN_BATCH_STATE' }]);
    expect(ran).toEqual(['a']);
    expect(kinds()).toEqual(['then', 'finally']);
  });

  test('sidekiq/sidekiq#5740: five jobs die, catch comes once', async () => {
    const { batch, settle, again } = await start();
    await batch(Array.from({ length: 5 }, (_, n) => failing(`job ${n}`)))
      .parallel()
      .allowFailures();
    await settle();
    expect([again('catch'), again('progress'), again('finally')]).toEqual([1, 5, 1]);
  });

  test('sidekiq/sidekiq#6852, laravel/framework#58541: the last job is delivered again, long after: nothing is counted or told again', async () => {
    const { thrun, batch, settle, advance, heard, batches } = await start();
    const id = await batch([work('a'), work('b')]);
    await settle();
    const told = heard.length;
    await advance(120_000);
    const [, last] = await batches.jobs(id);
    if (last) await thrun.events([jobInput(id, 1, last, undefined)]);
    await settle();
    expect(ran).toEqual(['a', 'b']);
    expect(heard).toHaveLength(told);
    expect(await batches.progress(id)).toMatchObject({ status: 'succeeded', completed: 2, succeeded: 2 });
  });

  test('celery/django-celery-results#397: a job delivered three times counts once', async () => {
    const { thrun, batch, settle, kinds, again, batches } = await start();
    duringRun = async (name, running) => {
      if (name !== 'job 0' || ran.filter((other) => other === name).length > 1) return;
      // While it runs, its message comes twice more: those run too, which at least once allows.
      const [row] = await batches.jobs(running?.id ?? '');
      if (row && running) await thrun.events([1, 2].map(() => jobInput(running.id, 1, row, undefined)));
    };
    const id = await batch(many(3)).parallel();
    await settle();
    expect(await batches.progress(id)).toMatchObject({ total: 3, completed: 3, succeeded: 3 });
    expect(again('progress')).toBe(3);
    expect(kinds()).toEqual(['then', 'finally']);
  });
});
