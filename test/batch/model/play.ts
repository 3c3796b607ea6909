import { expect } from 'vitest';
import type { BatchStore, NewJob, OutboxEntry, Step } from '../../../src/contracts/batch-store.js';
import { recordsOf } from '../../../src/batch/records.js';
import { Steps } from '../../../src/batch/steps.js';
import type { MemberDefinition } from '../../../src/batch/definition.js';
import { newEventId } from '../../../src/envelope/index.js';
import type { Action, History } from './history.js';
import { NaiveBatch } from './naive-batch.js';

// oxlint-disable-next-line unicorn/no-thenable -- it names the moment
const EVENTS = { then: 'b.then', catch: 'b.catch', finally: 'b.finally', progress: 'b.progress' };
const JOB: MemberDefinition = { kind: 'job', event: 'work', payload: '{}', queue: undefined, key: undefined };
const MOST_ROUNDS = 1000;

/** Lets a transition be spoilt on purpose, to see that it is noticed. */
export type Spoil = (step: Step) => Step;

/**
 * One history on a store and on the naive batch, step by step. After every step both must say the same: whether it applied,
 * the state and attempts of every job, the counts. At the end both have announced the same, in the same order.
 */
export async function play(store: BatchStore, history: History, spoil: Spoil = (step) => step): Promise<void> {
  const now = 1_000_000;
  const steps = new Steps(() => now);
  const id = newEventId();
  const { parallel, allowFailures } = history;
  const layout =
    parallel && history.stages.length > 0 ? [history.stages.reduce((sum, n) => sum + n, 0)] : history.stages;
  const stages = layout.map((size) => Array.from({ length: size }, () => JOB));
  const [made] = recordsOf({ name: undefined, parallel, allowFailures, events: EVENTS, stages }, id, now);
  if (!made) throw new Error('nothing was made');
  await store.create(made.batch, made.jobs);
  const naive = new NaiveBatch(idsByStage(made.jobs), parallel, allowFailures);

  let added = 0;
  const take = async (action: Action, job = jobAt(naive, action)) => {
    if (action.kind === 'add') {
      const jobs = newJobs(action.stages, parallel, () => `added-${added++}`);
      const step = spoil(steps.add(id, job, action.call, jobs, parallel ? 1 : action.stages.length));
      const [applied] = await store.apply([{ ...step, relayUntil: undefined }]);
      expect(applied?.accepted).toBe(naive.add(job, action.call, idsByStage(jobs)));
    } else {
      const [applied] = await store.apply([{ ...spoil(stepFor(steps, action, id, job)), relayUntil: undefined }]);
      expect(applied?.accepted, action.kind).toBe(askNaive(naive, action, job));
    }
    await same(store, id, naive);
  };

  if (history.sealed) await take({ kind: 'seal' });
  for (const action of history.actions) await take(action);
  await finish(naive, history.endings, take);
  // Whatever happened, it is over.
  expect(naive.over).toBe(true);
  expect((await announced(store, id)).map(withoutIds)).toEqual(naive.announced);
  await isOneOfAKind(store, id);
}

/** What is left open ends, one way or the other. */
async function finish(
  naive: NaiveBatch,
  endings: readonly boolean[],
  take: (action: Action, job?: string) => Promise<void>,
): Promise<void> {
  if (!naive.sealed) await take({ kind: naive.status === 'running' ? 'seal' : 'abandon' });
  for (let round = 0; !naive.over && round < MOST_ROUNDS; round++) {
    const open = naive.jobs.find(({ state }) => state === 'queued' || state === 'running');
    if (!open) return;
    await take({ kind: 'begin', job: 0 }, open.id);
    await take({ kind: endings[round % endings.length] ? 'succeed' : 'fail', job: 0 }, open.id);
  }
}

function stepFor(steps: Steps, { kind }: Action, id: string, job: string): Step {
  switch (kind) {
    case 'begin':
      return steps.begin(id, job, 'work');
    case 'succeed':
      return steps.settle(id, job, { kind: 'succeeded', result: '{"ok":true}' });
    case 'fail':
      return steps.settle(id, job, { kind: 'failed', error: `${job} failed` });
    case 'pause':
      return steps.pause(id, job, `${job} failed`);
    case 'release':
      return steps.release(id, job);
    case 'cancel':
      return steps.cancel(id);
    case 'retry':
      return steps.retry(id);
    case 'stall':
      return steps.stall(id, 'stalled');
    case 'seal':
      return steps.seal(id);
    case 'abandon':
      return steps.abandon(id);
    case 'add':
      throw new Error('made by hand');
  }
}

function askNaive(naive: NaiveBatch, { kind }: Action, job: string): boolean {
  switch (kind) {
    case 'begin':
    case 'succeed':
    case 'release':
      return naive[kind](job);
    case 'fail':
    case 'pause':
      return naive[kind](job, `${job} failed`);
    case 'cancel':
    case 'retry':
    case 'seal':
      return naive[kind]();
    case 'stall':
      return naive.stall('stalled');
    case 'abandon':
      return naive.abandon('whoever made this batch died before it was complete; nothing of it has run');
    case 'add':
      throw new Error('made by hand');
  }
}

async function same(store: BatchStore, id: string, naive: NaiveBatch): Promise<void> {
  const batch = await store.get(id);
  const jobs = await store.jobs(id, 0, 1000);
  const facts = ({ id: own, stage, state, attempts, adds }: (typeof jobs)[number]) => ({
    id: own,
    stage,
    state,
    attempts,
    adds,
  });
  expect(jobs.map(facts)).toEqual(naive.jobs);
  expect({ status: batch?.status, run: batch?.run, over: batch?.finishedAt !== undefined }).toEqual({
    status: naive.status,
    run: naive.run,
    over: naive.over,
  });
  const tally: Record<string, number> = {};
  for (const { state } of jobs) tally[state] = (tally[state] ?? 0) + 1;
  for (const [state, count] of Object.entries(batch?.counts ?? {})) expect(count, state).toBe(tally[state] ?? 0);
}

type LifecycleEntry = Extract<OutboxEntry['out'], { kind: 'event' }>;

async function announced(store: BatchStore, id: string): Promise<LifecycleEntry[]> {
  return (await store.outbox(id)).flatMap(({ out }) => (out.kind === 'event' ? [out] : []));
}

function withoutIds({ lifecycle, payload }: LifecycleEntry) {
  const { batch_id, name, job, error, ...rest } = JSON.parse(payload);
  expect([typeof batch_id, name]).toEqual(['string', null]);
  return { kind: lifecycle, job: job?.job_id, error: error?.message, ...rest };
}

/** Ids tell what is sent twice from what happened twice. */
async function isOneOfAKind(store: BatchStore, id: string): Promise<void> {
  const ids = (await announced(store, id)).map(({ eventId }) => eventId);
  expect(new Set(ids).size).toBe(ids.length);
}

function jobAt(naive: NaiveBatch, action: Action): string {
  if (!('job' in action) || naive.jobs.length === 0) return 'nobody';
  return naive.jobs[action.job % naive.jobs.length]?.id ?? 'nobody';
}

function idsByStage(jobs: readonly NewJob[]): string[][] {
  const stages: string[][] = [];
  for (const { id, stage } of jobs) (stages[stage] ??= []).push(id);
  return stages;
}

function newJobs(sizes: readonly number[], parallel: boolean, name: () => string): NewJob[] {
  const jobs: NewJob[] = [];
  for (const [stage, size] of sizes.entries()) {
    for (let n = 0; n < size; n++) {
      jobs.push({ id: name(), index: jobs.length, stage: parallel ? 0 : stage, event: 'work', payload: '{}' });
    }
  }
  return jobs;
}
