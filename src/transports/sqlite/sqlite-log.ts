import type { OutgoingMessage } from '../../contracts/transport.js';
import type { SqlValue } from '../../sqlite/driver.js';
import { QUEUE_SPAN } from './sqlite-schema.js';
import { ROWS_AT_ONCE, type Statements } from './sqlite-statements.js';

/** First and last id a queue's messages can have. */
export function spanOf(queue: number): { readonly before: number; readonly last: number } {
  return { before: queue * QUEUE_SPAN, last: (queue + 1) * QUEUE_SPAN - 1 };
}

/** The queue's number; the queue is made when there is none of that name. In a transaction. */
export function queueNumber(statements: Statements, name: string): number {
  const known = statements.queueByName.get(name) as { id: number } | undefined;
  if (known) return known.id;
  statements.addQueue.run(name);
  return (statements.queueByName.get(name) as { id: number }).id;
}

/** The last id the queue has given to a message. */
export function lastUsed(statements: Statements, queue: number): number {
  return (statements.lastUsed.get(queue) as { used: number }).used;
}

/** Appends to the log, or holds back what is to be delivered later. In a transaction. */
export function append(statements: Statements, name: string, messages: readonly OutgoingMessage[], now: number): void {
  const { id: queue, used } = endOf(statements, name);
  let last = used;
  let rows: SqlValue[] = [];
  for (const { body, deliverAt } of messages) {
    if (deliverAt !== undefined && deliverAt > now) {
      statements.addScheduled.run(queue, body, now, deliverAt);
      continue;
    }
    rows.push(++last, body, now);
    if (rows.length < 3 * ROWS_AT_ONCE) continue;
    statements.addMessages.run(...rows);
    rows = [];
  }
  for (let at = 0; at < rows.length; at += 3) statements.addMessage.run(...rows.slice(at, at + 3));
}

/** The queue's number and the last id it has given away; the queue is made when there is none of that name. */
function endOf(statements: Statements, name: string): { id: number; used: number } {
  const find = () => statements.endOfQueue.get(name) as { id: number; used: number } | undefined;
  const known = find();
  if (known) return known;
  statements.addQueue.run(name);
  return find() as { id: number; used: number };
}

/** Moves what has become due into the log, where every group finds it. In a transaction. */
export function promoteScheduled(statements: Statements, queue: number, now: number): void {
  const rows = statements.dueScheduled.all(queue, now) as { id: number; body: Uint8Array; published_at: number }[];
  if (rows.length === 0) return;
  let id = lastUsed(statements, queue);
  for (const row of rows) {
    statements.addMessage.run(++id, row.body, row.published_at);
    statements.dropScheduled.run(row.id);
  }
}

/** Rows deleted at a time: more than are settled between two calls, and still only some milliseconds. */
const TRIM_MOST = 8192;

/** Deletes what every group has settled, oldest first and not without end. In a transaction. */
export function trim(statements: Statements, queue: number): void {
  const { before } = spanOf(queue);
  const end = settledUpTo(statements, queue);
  const oldest = statements.anyInLog.get(before, end) as { id: number } | undefined;
  if (oldest) statements.trimLog.run(before, Math.min(end, oldest.id + TRIM_MOST));
}

/** Whether {@link trim} would find anything. */
export function isTrimmable(statements: Statements, queue: number): boolean {
  return statements.anyInLog.get(spanOf(queue).before, settledUpTo(statements, queue)) !== undefined;
}

/** Every group is past this id, and nobody holds a range that begins before it. */
function settledUpTo(statements: Statements, queue: number): number {
  const { low } = statements.lowWater.get(queue) as { low: number | null };
  return low ?? spanOf(queue).before;
}
