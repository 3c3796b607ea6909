import assert from 'node:assert/strict';
import type { BatchRecord, BatchStore, JobRecord, NextStage, OutboxEntry, Step } from '../../contracts/batch-store.js';
import type { JobState } from '../../contracts/batch.js';
import { step } from './make.js';

/** Fields that are undefined are as good as absent. */
export function same(actual: unknown, expected: unknown, message?: string): void {
  assert.deepEqual(plain(actual), plain(expected), message);
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

/** Ids of what an outbox holds, in order. */
export function eventsOf(entries: readonly OutboxEntry[]): readonly string[] {
  return entries.map(({ out }) => (out.kind === 'event' ? out.eventId : out.kind));
}

export function lastOf(entries: readonly OutboxEntry[]): number {
  const last = entries.at(-1);
  assert.ok(last, 'the outbox is empty');
  return last.seq;
}

export function idsOf(records: readonly BatchRecord[]): readonly string[] {
  return records.map(({ id }) => id);
}

/** All jobs of a batch, page by page. */
export async function allJobs(store: BatchStore, batchId: string): Promise<readonly JobRecord[]> {
  const all: JobRecord[] = [];
  for (;;) {
    const more = await store.jobs(batchId, (all.at(-1)?.index ?? -1) + 1, 1000);
    if (more.length === 0) return all;
    all.push(...more);
  }
}

export async function statesOf(store: BatchStore, batchId: string): Promise<readonly JobState[]> {
  return (await allJobs(store, batchId)).map(({ state }) => state);
}

export async function jobOf(store: BatchStore, batchId: string, index: number): Promise<JobRecord> {
  const [job] = await store.jobs(batchId, index, 1);
  assert.ok(job, `there is no job ${index}`);
  return job;
}

/** The first stage with jobs in these states, as a transition sees it. */
export async function nextOf(
  store: BatchStore,
  batchId: string,
  nextIn: Step['nextIn'],
): Promise<NextStage | undefined> {
  let next: NextStage | undefined;
  const looking = (view: Parameters<Step['transition']>[0]) => {
    next = view.next;
    return { accepted: false };
  };
  await store.apply([step(batchId, looking, { nextIn })]);
  return next;
}
