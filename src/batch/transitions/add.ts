import type { Change, View } from '../../contracts/batch-store.js';
import { Draft, NOTHING_TO_DO, REFUSED } from './draft.js';

/** `call`: how often this receipt of the job had added before. */
export interface Addition {
  readonly call: number;
  readonly jobs: number;
  readonly stages: number;
  readonly nests: boolean;
}

/** A running job adds others. They are counted before it is, so the batch cannot end in between. */
export function add(view: View, { call, jobs, stages, nests }: Addition, now: number): Change {
  const { batch, job } = view;
  if (job && call < job.adds) return NOTHING_TO_DO;
  if (batch.status !== 'running' || job?.state !== 'running') return REFUSED;
  const draft = new Draft(view, now);
  draft.job(job, 'running', { adds: job.adds + 1 });
  if (nests) draft.set({ nests });
  draft.addJobs(jobs, stages, batch.parallel ? job : undefined);
  return draft.change();
}
