import type { Change, View } from '../../contracts/batch-store.js';
import { advance } from './advance.js';
import { Draft, NOTHING_TO_DO, REFUSED } from './draft.js';
import { rerun } from './retry.js';

/** All first jobs are there: the first stage is up, or an empty batch succeeds. A nested one waits for its turn. */
export function seal(view: View, now: number): Change {
  const { sealed, status, parent } = view.batch;
  if (sealed) return NOTHING_TO_DO;
  if (status !== 'running') return REFUSED;
  const draft = new Draft(view, now);
  draft.set({ sealed: true, started: parent === undefined });
  if (!parent) advance(draft);
  return draft.change();
}

/** A nested batch's turn has come in this run of the outer one: for the first time, or once more after a retry. */
export function start(view: View, outerRun: number, now: number): Change {
  const { batch } = view;
  if (!batch.sealed || !batch.parent) return REFUSED;
  if (batch.started && batch.parent.run === outerRun) return NOTHING_TO_DO;
  const draft = new Draft(view, now);
  draft.set({ started: true, parent: { ...batch.parent, run: outerRun } });
  if (batch.status === 'succeeded') draft.send({ kind: 'parent', status: 'succeeded', error: undefined });
  else if (batch.finishedAt !== undefined) rerun(draft);
  else advance(draft);
  return draft.change();
}

/** Its creator died before it was sealed: nothing of it has run, and nothing will. */
export function abandon(view: View, now: number): Change {
  if (view.batch.sealed || view.batch.status !== 'running') return REFUSED;
  return failWhole(view, 'whoever made this batch died before it was complete; nothing of it has run', now);
}

/** Nothing has moved for too long. What runs is given up too: it had its time. */
export function stall(view: View, reason: string, now: number): Change {
  if (view.batch.finishedAt !== undefined || !view.batch.sealed) return REFUSED;
  return failWhole(view, reason, now);
}

function failWhole(view: View, message: string, now: number): Change {
  const draft = new Draft(view, now);
  const failure = draft.batch.failure ?? { job: undefined, message };
  const { fired, status } = draft.batch;
  draft.set({ status: status === 'cancelled' ? 'cancelled' : 'failed', failure });
  draft.moveAll(['running'], 'failed');
  draft.moveAll(['waiting', 'queued'], 'skipped');
  if (draft.batch.nests) draft.send({ kind: 'end_children' });
  if (!fired.includes('catch')) draft.announce('catch', { failure });
  advance(draft);
  return draft.change();
}
