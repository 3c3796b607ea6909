import { LIFECYCLE_KINDS, type LifecycleKind } from '../contracts/batch.js';
import type { BatchRecord, OutboxEntry } from '../contracts/batch-store.js';
import { lifecycleId } from './ids.js';

/** What has become of one lifecycle event in this run. */
export interface LifecycleState {
  readonly kind: LifecycleKind;
  /** The contract name. */
  readonly event: string;
  /** Null until it has happened; of `progress` the last one. */
  readonly event_id: string | null;
  /** Not yet · written, and not sent yet · sent · it cannot happen any more. */
  readonly state: 'waiting' | 'pending' | 'sent' | 'never';
}

/** One for each moment that has an event. */
export function lifecycleOf(batch: BatchRecord, outbox: readonly OutboxEntry[]): readonly LifecycleState[] {
  return LIFECYCLE_KINDS.flatMap((kind) => {
    const event = batch.events[kind];
    return event === undefined ? [] : [{ kind, event, ...stateOf(kind, batch, outbox) }];
  });
}

function stateOf(
  kind: LifecycleKind,
  batch: BatchRecord,
  outbox: readonly OutboxEntry[],
): Pick<LifecycleState, 'event_id' | 'state'> {
  const eventId = happened(kind, batch);
  if (eventId === undefined) return { event_id: null, state: canHappen(kind, batch) ? 'waiting' : 'never' };
  const isPending = outbox.some(({ out }) => out.kind === 'event' && out.eventId === eventId);
  return { event_id: eventId, state: isPending ? 'pending' : 'sent' };
}

function happened(kind: LifecycleKind, batch: BatchRecord): string | undefined {
  if (kind === 'progress') return batch.progressed;
  return batch.fired.includes(kind) ? lifecycleId(batch, kind, undefined) : undefined;
}

function canHappen(kind: LifecycleKind, { status, counts, finishedAt }: BatchRecord): boolean {
  if (finishedAt !== undefined) return false;
  switch (kind) {
    case 'then':
      return status === 'running' && counts.failed === 0;
    case 'catch':
      return status === 'running';
    case 'progress':
    case 'finally':
      return true;
  }
}
