import type { Change, View } from '../../contracts/batch-store.js';
import { advance, endWith } from './advance.js';
import { Draft, isSettled, leftOver, REFUSED } from './draft.js';

/** How a job ended for good. */
export type Outcome =
  /** `result`: JSON text, where there is one to hand on. */
  | { readonly kind: 'succeeded'; readonly result: string | undefined }
  | { readonly kind: 'failed'; readonly error: string };

/** The job is counted, once: what is settled stays settled, however often its message is delivered. */
export function settle(view: View, outcome: Outcome, now: number): Change {
  const { job } = view;
  if (!job || isSettled(job) || job.state === 'waiting') return REFUSED;
  const draft = new Draft(view, now);
  // A worker in another language does not say that it begins.
  const attempts = Math.max(1, job.attempts);
  if (outcome.kind === 'succeeded') {
    draft.job(job, 'succeeded', { attempts, result: outcome.result, error: undefined });
    draft.announce('progress', { job });
  } else if (draft.batch.status === 'cancelled') {
    draft.job(job, 'cancelled', { attempts, error: outcome.error });
    draft.announce('progress', { job });
  } else {
    draft.job(job, 'failed', { attempts, error: outcome.error });
    draft.announce('progress', { job });
    fail(draft, job, outcome.error);
  }
  advance(draft);
  return draft.change();
}

function fail(draft: Draft, job: NonNullable<View['job']>, message: string): void {
  const { allowFailures, fired, status } = draft.batch;
  if (status === 'running' && !allowFailures) endWith(draft, 'failed');
  if (fired.includes('catch')) return;
  const failure = { job: { job_id: job.id, event: job.event }, message };
  draft.set({ failure });
  draft.announce('catch', { job, failure });
}

/** It failed and is to be tried again: until then it does not run, so the end of the batch need not wait for it. */
export function pause(view: View, error: string, now: number): Change {
  const { job, batch } = view;
  if (!job || isSettled(job) || job.state === 'waiting') return REFUSED;
  if (batch.status !== 'running') return { ...settle(view, { kind: 'failed', error }, now), accepted: false };
  const draft = new Draft(view, now);
  draft.job(job, 'queued', { error });
  return draft.change();
}

/** It was handed back before it was done. */
export function release(view: View, now: number): Change {
  const { job, batch } = view;
  if (!job || job.state !== 'running') return REFUSED;
  const draft = new Draft(view, now);
  const attempts = Math.max(0, job.attempts - 1);
  if (batch.status === 'running') {
    draft.job(job, 'queued', { attempts });
    return draft.change();
  }
  draft.job(job, leftOver(batch.status), { attempts });
  advance(draft);
  return draft.change(false);
}
