import type { Change, View } from '../../contracts/batch-store.js';
import { advance } from './advance.js';
import { Draft, isSettled, leftOver, REFUSED } from './draft.js';

/** A worker has received the job and is about to run it. Refused: it is to be dropped. */
export function begin(view: View, event: string, now: number): Change {
  const { batch, job } = view;
  // A message that names a job which is not this batch's, or whose turn it is not (again) yet.
  if (!job || job.event !== event || isSettled(job) || job.state === 'waiting') return REFUSED;
  const draft = new Draft(view, now);
  if (batch.status !== 'running') {
    // Its worker died while the batch ended; nobody is to start over now.
    draft.job(job, leftOver(batch.status));
    advance(draft);
    return draft.change(false);
  }
  draft.job(job, 'running', { attempts: job.attempts + 1 });
  return draft.change();
}
