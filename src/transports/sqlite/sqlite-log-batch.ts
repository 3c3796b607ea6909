import type { Statements } from './sqlite-statements.js';

/** One message of the log. */
export interface LogRow {
  readonly id: number;
  readonly body: Uint8Array;
  readonly published_at: number;
}

/**
 * Reads a batch as one row: the bodies as one blob, beside lists of ids, lengths and times in the same order. A buffer for
 * each body and an object for each row would cost as much as all the rest of a claim; the bodies here are views into one.
 */
export function readLogBatch(statements: Statements, after: number, last: number, limit: number): LogRow[] {
  const row = statements.readLogBatch.get(after, last, Math.min(limit, MOST_AT_ONCE)) as BatchRow;
  if (row.ids === null) return [];
  // The driver of Node 22 reads a value of no bytes as NULL.
  const bodies = row.bodies ?? new Uint8Array(0);
  const ids = row.ids.split(',');
  const lengths = row.lengths.split(',');
  const times = row.times.split(',');
  const batch: LogRow[] = [];
  let start = 0;
  for (const [i, length] of lengths.entries()) {
    const end = start + Number(length);
    batch.push({ id: Number(ids[i]), body: bodies.subarray(start, end), published_at: Number(times[i]) });
    start = end;
  }
  return batch;
}

/** The longest value SQLite holds is 10^9 bytes, and a body may have a mebibyte. */
const MOST_AT_ONCE = 500;

type BatchRow =
  | { readonly ids: null }
  | { readonly bodies: Uint8Array | null; readonly ids: string; readonly lengths: string; readonly times: string };
