import type { JobState } from '../../contracts/batch.js';
import type { Change, View } from '../../contracts/batch-store.js';
import { advance } from './advance.js';
import { Draft, REFUSED } from './draft.js';

/** Jobs that run again; for a step's `nextIn`. */
export const RERUN: readonly JobState[] = ['waiting', 'failed', 'skipped', 'cancelled'];

/** Failed and skipped jobs of a failed batch run again, as a new run with lifecycle events of its own. */
export function retry(view: View, now: number): Change {
  const { status, finishedAt, sealed, parent } = view.batch;
  if (status !== 'failed' || finishedAt === undefined || !sealed || parent) return REFUSED;
  const draft = new Draft(view, now);
  rerun(draft);
  return draft.change();
}

export function rerun(draft: Draft): void {
  const { run } = draft.batch;
  draft.set({
    run: run + 1,
    status: 'running',
    finishedAt: undefined,
    fired: [],
    failure: undefined,
    progressed: undefined,
  });
  draft.moveAll(['failed', 'skipped', 'cancelled'], 'waiting', true);
  advance(draft);
}
