import type { BatchMembers } from '../../src/batch/members.js';
import { afterEach, describe, expect, test } from 'vitest';
import type { Thrun } from '../../src/app.js';
import type { JobBatch, LifecyclePayload } from '../../src/contracts/batch.js';
import { GiveUp, type JobContext } from '../../src/contracts/listener.js';
import { ThrunBatch, ThrunJob } from '../../src/registry/decorators.js';
import { type TestThrun, testThrun } from '../../src/testing/test-thrun.js';

/** What ran, in order, and what each run saw of the job before it. */
let ran: { name: string; previous: unknown }[] = [];
let duringRun: (name: string, batch: JobBatch, context: JobContext) => unknown = () => undefined;

@ThrunJob('work')
class Work {
  constructor(readonly payload: { name: string; fails?: boolean }) {}
  async handle(context: JobContext) {
    const { name, fails } = this.payload;
    ran.push({ name, previous: context.batch?.previousResult });
    await duringRun(name, context.batch as JobBatch, context);
    if (fails) throw new GiveUp(`${name} gave up`);
    return { did: name };
  }
}

const work = (name: string) => new Work({ name });
const failing = (name: string) => new Work({ name, fails: true });

let open: TestThrun | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
  ran = [];
  duringRun = () => undefined;
});

interface Heard {
  readonly event: string;
  readonly id: string;
  readonly payload: LifecyclePayload;
}

async function start(): Promise<TestThrun & { heard: Heard[]; kinds(): string[] }> {
  const test = await testThrun({ run: [Work] });
  open = test;
  const heard: Heard[] = [];
  test.thrun.subscribe('order.*', (payload, { event, meta }) => {
    heard.push({ event, id: meta.event_id, payload: payload as LifecyclePayload });
  });
  return { ...test, heard, kinds: () => heard.map(({ event }) => event.replace('order.', '')) };
}

function order(thrun: Thrun, members: BatchMembers) {
  return thrun
    .batch(members)
    .then('order.then')
    .catch('order.catch')
    .finally('order.finally')
    .progress('order.progress');
}

describe('a batch', () => {
  test('runs its jobs one after the other, and hands results on', async () => {
    const { thrun, settle, heard, kinds } = await start();
    const id: string = await order(thrun, [work('a'), work('b'), work('c')]).name('three');
    await settle();
    expect(ran).toEqual([
      { name: 'a', previous: undefined },
      { name: 'b', previous: { did: 'a' } },
      { name: 'c', previous: { did: 'b' } },
    ]);
    expect(kinds()).toEqual(['progress', 'progress', 'progress', 'then', 'finally']);
    expect(heard.at(-1)?.payload).toEqual({
      batch_id: id,
      name: 'three',
      status: 'succeeded',
      total: 3,
      completed: 3,
      percent: 100,
      succeeded: 3,
      failed: 0,
      skipped: 0,
      cancelled: 0,
      run: 1,
    });
    expect(heard[0]?.payload).toMatchObject({ completed: 1, percent: 33, status: 'running', job: { event: 'work' } });
    expect(new Set(heard.map((one) => one.id)).size).toBe(5);
  });

  test('a list is a parallel stage, whose results go on as a list', async () => {
    const { thrun, settle } = await start();
    await order(thrun, [work('a'), [work('b'), work('c')], work('d')]);
    await settle();
    expect(ran.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd']);
    expect(ran[1]?.previous).toEqual({ did: 'a' });
    expect(ran[3]?.previous).toEqual([{ did: 'b' }, { did: 'c' }]);
  });

  test('the first failure ends it: the rest is skipped, catch comes before finally', async () => {
    const { thrun, settle, heard, kinds } = await start();
    const id = await order(thrun, [work('a'), failing('b'), work('c')]);
    await settle();
    expect(ran.map(({ name }) => name)).toEqual(['a', 'b']);
    expect(kinds()).toEqual(['progress', 'progress', 'catch', 'finally']);
    expect(heard[2]?.payload).toMatchObject({
      error: { message: 'b gave up' },
      job: { event: 'work' },
      status: 'failed',
    });
    expect(heard[3]?.payload).toMatchObject({ succeeded: 1, failed: 1, skipped: 1, percent: 100, status: 'failed' });
    const states = (await (await thrun.batches()).jobs(id)).map(({ state }) => state);
    expect(states).toEqual(['succeeded', 'failed', 'skipped']);
  });

  test('allowFailures: the rest still runs; catch once, no then', async () => {
    const { thrun, settle, kinds } = await start();
    await order(thrun, [failing('a'), failing('b'), work('c')]).allowFailures();
    await settle();
    expect(ran.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
    expect(kinds()).toEqual(['progress', 'catch', 'progress', 'progress', 'finally']);
  });

  test('a large stage is made and sent in lots', async () => {
    const { thrun, settle, kinds } = await start();
    const many = Array.from({ length: 1201 }, (_, n) => work(`${n}`));
    const id = await thrun.batch(many).parallel().finally('order.finally');
    await settle();
    expect(new Set(ran.map(({ name }) => name)).size).toBe(1201);
    expect(ran).toHaveLength(1201);
    expect(kinds()).toEqual(['finally']);
    expect((await (await thrun.batches()).get(id)).counts.succeeded).toBe(1201);
  });

  test('an empty one succeeds at once', async () => {
    const { thrun, settle, heard, kinds } = await start();
    await order(thrun, []);
    await settle();
    expect(kinds()).toEqual(['then', 'finally']);
    expect(heard[0]?.payload).toMatchObject({ total: 0, percent: 100, status: 'succeeded' });
  });

  test('a failed one is retried as a new run, with new lifecycle events', async () => {
    const { thrun, settle, heard, kinds } = await start();
    const id = await order(thrun, [work('a'), failing('b'), work('c')]);
    await settle();
    const first = heard.map((one) => one.id);
    ran = [];
    await (await thrun.batches()).retry(id);
    await settle();
    expect(ran.map(({ name }) => name)).toEqual(['b']);
    expect(kinds().slice(4)).toEqual(['progress', 'catch', 'finally']);
    expect(heard.at(-1)?.payload.run).toBe(2);
    expect(first).not.toContain(heard.at(-1)?.id);
  });

  test('cancelled, what waits is cancelled and what runs is told', async () => {
    const { thrun, settle, kinds } = await start();
    duringRun = async (name, batch, { signal }) => {
      if (name !== 'a') return;
      await batch.cancel();
      // The signal is raised by the worker's own look at the batch.
      expect(signal.aborted).toBe(false);
    };
    const id = await order(thrun, [work('a'), work('b')]);
    await settle();
    const batches = await thrun.batches();
    expect(await batches.get(id)).toMatchObject({ status: 'cancelled', counts: { succeeded: 1, cancelled: 1 } });
    expect(kinds()).toEqual(['progress', 'finally']);
    await expect(batches.cancel(id)).rejects.toMatchObject({ code: 'THRUN_BATCH_STATE' });
  });

  test('a job adds others, the last one too', async () => {
    const { thrun, settle, kinds } = await start();
    duringRun = async (name, batch) => {
      if (name === 'b') expect(await batch.add([work('c'), [work('d'), work('e')]])).toHaveLength(3);
    };
    const id = await order(thrun, [work('a'), work('b')]);
    await settle();
    expect(ran.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(kinds().slice(-3)).toEqual(['progress', 'then', 'finally']);
    expect((await (await thrun.batches()).get(id)).counts.succeeded).toBe(5);
  });

  test('a nested one is a job of the outer one, with events of its own', async () => {
    const { thrun, settle, heard } = await start();
    const inner = thrun
      .batch([work('x'), work('y')])
      .then('order.inner')
      .name('inner');
    const id = await order(thrun, [work('a'), inner, work('b')]);
    await settle();
    expect(ran.map(({ name }) => name)).toEqual(['a', 'x', 'y', 'b']);
    expect(heard.filter(({ event }) => event === 'order.inner')).toHaveLength(1);
    expect((await (await thrun.batches()).get(id)).counts.succeeded).toBe(3);
  });

  test('a nested one that fails fails its job, and is retried with the outer one', async () => {
    const { thrun, settle } = await start();
    const id = await order(thrun, [thrun.batch([work('x'), failing('y')]), work('b')]);
    await settle();
    const batches = await thrun.batches();
    expect(await batches.get(id)).toMatchObject({ status: 'failed', counts: { failed: 1, skipped: 1 } });
    const [job] = await batches.jobs(id);
    expect(job?.error).toBe('the nested batch failed: y gave up');
    await expect(batches.retry(job?.child ?? '')).rejects.toMatchObject({ code: 'THRUN_BATCH_STATE' });
    ran = [];
    await batches.retry(id);
    await settle();
    expect(ran.map(({ name }) => name)).toEqual(['y']);
  });

  test('a worker in another language tells how a job went', async () => {
    const { thrun, settle, kinds } = await start();
    const id = await order(thrun, [work('a'), { event: 'php_step', payload: { n: 1 }, queue: 'php' }, work('b')]);
    await settle();
    const batches = await thrun.batches();
    const job = (await batches.jobs(id))[1];
    await thrun.event('thrun.job.succeeded', { batch_id: id, job_id: job?.id, result: { from: 'php' } });
    await settle();
    expect(ran[1]).toEqual({ name: 'b', previous: { from: 'php' } });
    expect(kinds().at(-1)).toBe('finally');
  });

  test('one that a class names is started by name', async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- it names the moment
    @ThrunBatch('pair', { then: 'order.then' })
    class Pair {
      constructor(readonly payload: { first: string }) {}
      jobs() {
        return [work(this.payload.first), work('second')];
      }
    }
    expect(Pair).toBeDefined();
    const { thrun, settle, heard } = await start();
    await thrun.batch('pair', { first: 'one' });
    await settle();
    expect(ran.map(({ name }) => name)).toEqual(['one', 'second']);
    expect(heard[0]?.payload.name).toBe('pair');
  });
});
