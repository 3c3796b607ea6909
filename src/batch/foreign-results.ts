import type { EventContext } from '../contracts/listener.js';
import { GiveUp } from '../contracts/listener.js';
import type { Batches } from './batches.js';
import { resultText } from './job-message.js';
import type { Outcome } from './transitions/index.js';

/** What a worker in another language publishes when it has run a job of a batch. */
export const JOB_SUCCEEDED = 'thrun.job.succeeded';
export const JOB_FAILED = 'thrun.job.failed';

/** The listener's name: part of what is on the transport, never to be changed. */
export const RESULTS_LISTENER = 'thrun.job.results';

/**
 * Settles the job that such an event tells of.
 * @param isOnlyCopy no other application could know the batch, so one that is not here is a mistake
 * @throws {GiveUp} with what is wrong with the event
 */
export async function settleForeign(
  payload: unknown,
  context: EventContext,
  batches: () => Promise<Batches>,
  isOnlyCopy: boolean,
): Promise<void> {
  const { batch_id, job_id, ...rest } = isObject(payload) ? payload : {};
  if (typeof batch_id !== 'string' || typeof job_id !== 'string') {
    throw new GiveUp(`${context.event} needs batch_id and job_id, as they came in the job's meta`);
  }
  const { queue, relay, steps } = await batches();
  const step = steps.settle(batch_id, job_id, outcomeOf(context.event, rest));
  const applied = await queue.apply(step);
  if (applied?.job) return void relay.deliver(applied, step.relayUntil ?? 0);
  const problem = applied ? `the batch ${batch_id} has no job ${job_id}` : `there is no batch ${batch_id} here`;
  if (applied || isOnlyCopy) throw new GiveUp(problem);
  // Every application hears of every job; this one is somebody else's.
  context.logger.debug({ batch: batch_id }, problem);
}

function outcomeOf(event: string, { result, error }: { readonly result?: unknown; readonly error?: unknown }): Outcome {
  if (event === JOB_FAILED) return { kind: 'failed', error: messageOf(error) };
  const { text, problem } = resultText(result);
  if (problem !== undefined) throw new GiveUp(`the result cannot be handed on: ${problem}`);
  return { kind: 'succeeded', result: text };
}

function messageOf(error: unknown): string {
  if (typeof error === 'string') return error;
  if (isObject(error) && typeof error.message === 'string') return error.message;
  return 'it failed, and its worker did not say why';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
