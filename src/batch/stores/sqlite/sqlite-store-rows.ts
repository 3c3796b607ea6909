import type { BatchRecord, JobHead, JobRecord, OutboxEntry } from '../../../contracts/batch-store.js';
import { STATES } from './sqlite-store-schema.js';

/** Rows as they are stored, and what they are. */

export interface BatchRow {
  readonly n: number;
  readonly record: string;
  readonly relay_until: number;
}

export interface HeadRow {
  readonly id: string;
  readonly idx: number;
  readonly stage: number;
  readonly event: string;
  readonly child: string | null;
  readonly state: number;
  readonly attempts: number;
  readonly adds: number;
  readonly error: string | null;
  readonly result: string | null;
  readonly changed_at: number;
}

export interface JobRow extends HeadRow {
  readonly payload: string;
  readonly queue: string | null;
  readonly key: string | null;
}

export interface OutboxRow {
  readonly seq: number;
  readonly at: number;
  readonly out: string;
}

/** Words of strangers are kept as JSON: of a text with a zero byte in it the driver reads what comes before. */
export function wordText(word: string | undefined): string | null {
  return word === undefined ? null : JSON.stringify(word);
}

export function recordFrom({ record }: Pick<BatchRow, 'record'>): BatchRecord {
  return JSON.parse(record) as BatchRecord;
}

export function headFrom(row: HeadRow): JobHead {
  const { id, idx, stage, event, child, state, attempts, adds, error, result, changed_at } = row;
  return {
    id,
    index: idx,
    stage,
    event,
    state: STATES[state] ?? 'waiting',
    attempts,
    adds,
    changedAt: changed_at,
    ...(child !== null && { child }),
    ...(error !== null && { error: JSON.parse(error) as string }),
    ...(result !== null && { result }),
  };
}

export function jobFrom(row: JobRow): JobRecord {
  const { payload, queue, key } = row;
  return {
    ...headFrom(row),
    payload,
    ...(queue !== null && { queue }),
    ...(key !== null && { key: JSON.parse(key) as string }),
  };
}

export function entryFrom({ seq, at, out }: OutboxRow): OutboxEntry {
  return { seq, at, out: JSON.parse(out) as OutboxEntry['out'] };
}
