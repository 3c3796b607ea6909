import type { JobEnd, JobRef } from '../contracts/batch.js';
import type { Envelope, Meta } from '../contracts/envelope.js';
import type { Verdict } from './verdict.js';

/** The job of a batch that this envelope carries, by its own word; the batch knows whether that is true. */
export function jobRefOf({ event, meta }: Envelope): JobRef | undefined {
  const { batch_id, job_id, previous_result } = meta;
  if (typeof batch_id !== 'string' || typeof job_id !== 'string') return undefined;
  return { batchId: batch_id, jobId: job_id, event, previousResult: previous_result };
}

/** What a batch announces of itself: nobody has to listen. */
export function isLifecycleEvent({ batch_id, thrun }: Meta): boolean {
  return batch_id !== undefined && typeof thrun === 'object' && thrun !== null && Object.hasOwn(thrun, 'lifecycle');
}

/** How one receipt ended, as the batch needs to know it. */
export function endOf(verdict: Verdict): JobEnd {
  switch (verdict.kind) {
    case 'succeeded':
      return { kind: 'succeeded', result: verdict.result };
    case 'dead':
      return { kind: 'failed', error: verdict.error };
    case 'retry':
    case 'later':
      return { kind: 'paused', error: verdict.error };
    case 'not_started':
    case 'forward':
    case 'elsewhere':
    case 'dropped':
      return { kind: 'released' };
  }
}
