import type {
  BatchRecord,
  JobChange,
  JobHead,
  JobRecord,
  NewJob,
  NextStage,
  OutboxEntry,
} from '../../../contracts/batch-store.js';
import type { JobState } from '../../../contracts/batch.js';

/** A job's state as it is stored, by its place here. Never to be reordered. */
const STATES = ['waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped'] as const;

const DIGITS = Object.fromEntries(STATES.map((state, place) => [state, String(place)])) as Readonly<
  Record<JobState, string>
>;

export function digit(state: JobState): string {
  return DIGITS[state];
}

/** Digits of these states, as scripts take them. */
export function digits(states: readonly JobState[]): string {
  return states.map(digit).join('');
}

export function recordFrom(text: Buffer): BatchRecord {
  return JSON.parse(text.toString()) as BatchRecord;
}

/** A job as it is stored, after its index: what is decided by apart, so that a payload is not read for it. */
export function jobText({ id, event, stage: ofStage, child, queue, key, payload }: NewJob, stage: number): string {
  return `${JSON.stringify({ id, event, stage: stage + ofStage, child })}\n${JSON.stringify({ queue, key })}\n${payload}`;
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

const NOT_BEGUN: Run = { adds: 0, attempts: 0 };

export function runFrom(text: Buffer | null): Run {
  if (text === null) return NOT_BEGUN;
  const space = text.indexOf(32);
  const [attempts, error, result] = JSON.parse(text.toString('utf8', space + 1)) as [number, string?, string?];
  return {
    adds: Number(text.toString('latin1', 0, space)),
    attempts,
    ...(typeof error === 'string' && { error }),
    ...(typeof result === 'string' && { result }),
  };
}

/** What scripts reply for one job: its index, its digit, its time, what is decided by of it, its run. */
export type HeadReply = [index: Buffer, state: Buffer, time: Buffer, head: Buffer, run: Buffer | null];
/** The same with what comes after its head: the rest and the payload. */
export type JobReply = [...HeadReply, more: Buffer];

export function headFrom([index, state, time, head, run]: Readonly<HeadReply | JobReply>): JobHead {
  return {
    ...(JSON.parse(head.toString()) as Pick<NewJob, 'id' | 'event' | 'stage' | 'child'>),
    ...runFrom(run),
    index: Number(index.toString()),
    state: STATES[Number(state.toString())] ?? 'waiting',
    changedAt: time.readDoubleBE(),
  };
}

export function jobFrom(reply: JobReply): JobRecord {
  const more = reply[5];
  const end = more.indexOf(10);
  return {
    ...headFrom(reply),
    ...(JSON.parse(more.toString('utf8', 0, end)) as Pick<NewJob, 'queue' | 'key'>),
    payload: more.toString('utf8', end + 1),
  };
}

export type NextReply = [stage: number, count: number, from: number, to: number] | null;

export function nextFrom(reply: NextReply): NextStage | undefined {
  if (!reply) return undefined;
  const [stage, count, from, to] = reply;
  return { stage, count, from, to };
}

/** Of an entry about jobs: its seq, they, and the runs of the stage before them. */
export type StageReply = [seq: number, jobs: JobReply[], before: (Buffer | null)[]];

/** @param stages what the script that wrote them has at hand of the jobs they are about */
export function entriesFrom(texts: readonly Buffer[], stages: readonly StageReply[] = []): readonly OutboxEntry[] {
  const entries = texts.map(entryFrom);
  if (stages.length === 0) return entries;
  const bySeq = new Map(stages.map(([seq, jobs, before]) => [seq, { jobs, before }]));
  return entries.map((entry) => {
    const found = bySeq.get(entry.seq);
    if (!found) return entry;
    const results = found.before.map((run) => runFrom(run).result);
    return { ...entry, stage: { jobs: found.jobs.map(jobFrom), results } };
  });
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
