import type { OutgoingMessage } from '../../contracts/transport.js';
import { QUEUE_SPAN } from './sqlite-schema.js';
import type { Statements } from './sqlite-statements.js';

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
export function append(statements: Statements, queue: number, messages: readonly OutgoingMessage[], now: number): void {
  let id = lastUsed(statements, queue);
  for (const { body, deliverAt } of messages) {
    if (deliverAt === undefined || deliverAt <= now) statements.addMessage.run(++id, body, now);
    else statements.addScheduled.run(queue, body, now, deliverAt);
  }
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

/** Deletes what every group has settled. In a transaction. */
export function trim(statements: Statements, queue: number): void {
  const { low } = statements.lowWater.get(queue) as { low: number | null };
  if (low !== null) statements.trimLog.run(spanOf(queue).before, low);
}
