import type { LifecycleKind } from '../contracts/batch.js';
import { derivedEventId } from '../envelope/index.js';

/**
 * Ids of all that a batch sends are derived from what it is about, so that what is sent twice after a crash has the same
 * id both times. These names are never to be changed: ids that are out there depend on them.
 */

interface Run {
  readonly id: string;
  readonly run: number;
}

/** `step`: the job, for `progress`. */
export function lifecycleId({ id, run }: Run, lifecycle: LifecycleKind, step: string | undefined): string {
  return derivedEventId(`batch:${id}:${run}:${lifecycle}${lifecycle === 'progress' ? `:${step}` : ''}`);
}

/** Of the message that carries a job. */
export function jobMessageId(batchId: string, run: number, jobId: string): string {
  return derivedEventId(`batch:${batchId}:${run}:job:${jobId}`);
}

export function jobId(batchId: string, index: number): string {
  return derivedEventId(`batch:${batchId}:job:${index}`);
}

/** Of the `index`th job of the `call`th time that this job adds some. */
export function addedJobId(batchId: string, adder: string, call: number, index: number): string {
  return derivedEventId(`batch:${batchId}:added:${adder}:${call}:${index}`);
}

/** Of a batch nested at this place. */
export function nestedId(batchId: string, jobId: string): string {
  return derivedEventId(`batch:${batchId}:nested:${jobId}`);
}
