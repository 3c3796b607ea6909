import type { BatchRecord, JobChange, JobRecord, NewJob, OutboxEntry } from '../../../contracts/batch-store.js';
import type { JobState } from '../../../contracts/batch.js';

/** A job's state as it is stored, by its place here. Never to be reordered. */
const STATES = ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'] as const;

/** Digits of these states, as scripts take them. */
export function digits(states: readonly JobState[]): string {
  return states.map((state) => STATES.indexOf(state)).join('');
}

export function recordFrom(text: Buffer): BatchRecord {
  return JSON.parse(text.toString()) as BatchRecord;
}

/** Scripts read the number in front, and nothing of what follows. */
export function runText({ adds, attempts, error, result }: JobChange): string {
  return `${adds} ${JSON.stringify([attempts, error ?? null, result ?? null])}`;
}

interface Run {
  readonly adds: number;
  readonly attempts: number;
  readonly error?: string;
  readonly result?: string;
}

export function runFrom(text: Buffer | null): Run {
  if (text === null) return { adds: 0, attempts: 0 };
  const space = text.indexOf(32);
  const [attempts, error, result] = JSON.parse(text.toString('utf8', space + 1)) as [number, string?, string?];
  return {
    adds: Number(text.toString('latin1', 0, space)),
    attempts,
    ...(typeof error === 'string' && { error }),
    ...(typeof result === 'string' && { result }),
  };
}

/** What scripts reply for one job: its digit, its time, as it was added, its run. */
export type JobReply = [state: Buffer, time: Buffer, job: Buffer, run: Buffer | null];

export function jobFrom([state, time, job, run]: JobReply): JobRecord {
  return {
    ...(JSON.parse(job.toString()) as NewJob),
    ...runFrom(run),
    state: STATES[Number(state.toString())] ?? 'waiting',
    changedAt: time.readDoubleBE(),
  };
}

/** `<seq> <at> <JSON>` */
export function entryFrom(text: Buffer): OutboxEntry {
  const first = text.indexOf(32);
  const second = text.indexOf(32, first + 1);
  return {
    seq: Number(text.toString('latin1', 0, first)),
    at: Number(text.toString('latin1', first + 1, second)),
    out: JSON.parse(text.toString('utf8', second + 1)) as OutboxEntry['out'],
  };
}
