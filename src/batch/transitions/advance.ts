import type { Draft } from './draft.js';

/** What follows once something has changed: the next stage is up, or the batch is over. */
export function advance(draft: Draft): void {
  const { batch } = draft;
  if (!draft.still || batch.finishedAt !== undefined) return;
  if (batch.status === 'running' && batch.counts.waiting > 0) draft.queueNext();
  else finish(draft);
}

function finish(draft: Draft): void {
  const { status, counts, updatedAt, failure, parent } = draft.batch;
  const end = status !== 'running' ? status : counts.failed > 0 ? 'failed' : 'succeeded';
  draft.set({ status: end, finishedAt: updatedAt });
  if (end === 'succeeded') draft.announce('then');
  draft.announce('finally', end === 'failed' ? { failure } : {});
  if (parent) draft.send({ kind: 'parent', status: end, error: failure?.message });
}

/** No job that has not begun will: the batch ends as soon as nothing runs. */
export function endWith(draft: Draft, status: 'failed' | 'cancelled'): void {
  draft.set({ status });
  draft.moveAll(['waiting', 'queued'], status === 'cancelled' ? 'cancelled' : 'skipped');
  if (draft.batch.nests) draft.send({ kind: 'end_children' });
}
