import type {
  BatchRecord,
  Change,
  JobChange,
  JobHead,
  NewJob,
  Outgoing,
  Step,
  View,
} from '../../contracts/batch-store.js';
import type { JobState } from '../../contracts/batch.js';

/** The moment cases begin at: stores have no clock of their own. */
export const T = Date.UTC(2026, 0, 1);

const NO_COUNTS: BatchRecord['counts'] = {
  waiting: 0,
  queued: 0,
  running: 0,
  succeeded: 0,
  failed: 0,
  cancelled: 0,
  skipped: 0,
};

/** A batch of these jobs, with an id of its own: sealed, started, all of them waiting, unless told otherwise. */
export function batch(jobs: readonly NewJob[] = [], fields: Partial<BatchRecord> = {}): BatchRecord {
  return {
    id: crypto.randomUUID(),
    name: null,
    run: 1,
    parallel: false,
    allowFailures: false,
    events: {},
    status: 'running',
    sealed: true,
    started: true,
    counts: { ...NO_COUNTS, waiting: jobs.length },
    fired: [],
    failure: undefined,
    progressed: undefined,
    nextStage: (jobs.at(-1)?.stage ?? -1) + 1,
    nextIndex: jobs.length,
    nests: false,
    parent: undefined,
    createdAt: T,
    updatedAt: T,
    finishedAt: undefined,
    ...fields,
  };
}

/** Jobs in the order of these stages: `jobs(0, 1, 1)` is one, and two beside each other after it. Ids `job-0`, … */
export function jobs(...stages: readonly number[]): NewJob[] {
  return stages.map((stage, index) => job(index, stage));
}

/** So many jobs, all of one stage or each of its own. */
export function many(count: number, stageOf: (index: number) => number, from = 0): NewJob[] {
  return Array.from({ length: count }, (_, i) => job(from + i, stageOf(from + i)));
}

function job(index: number, stage: number): NewJob {
  return { id: `job-${index}`, index, stage, event: `work.${index}`, payload: `{"n":${index}}` };
}

/** A step with a transition of the case's own. */
export function step(batchId: string, transition: Step['transition'], fields: Partial<Step> = {}): Step {
  return {
    batchId,
    jobId: undefined,
    nextIn: ['waiting'],
    transition,
    relayUntil: undefined,
    durable: true,
    now: T,
    ...fields,
  };
}

/** Writes the record with these fields, and whatever else follows. */
export function changing(
  fields: Partial<BatchRecord> = {},
  change: Partial<Change> | ((view: View) => Partial<Change>) = {},
): Step['transition'] {
  return (view) => ({
    accepted: true,
    batch: { ...view.batch, ...fields },
    ...(typeof change === 'function' ? change(view) : change),
  });
}

/** What becomes of a job; what is not said stays as it was. */
export function jobChange(before: JobHead, fields: Partial<JobChange>): JobChange {
  const { id, state, attempts, adds, error, result } = before;
  return { id, state, attempts, adds, error, result, ...fields };
}

/** The job the step is about ends in this state, and is counted; one that has is refused. */
export function ending(state: JobState, fields: Partial<JobChange> = {}): Step['transition'] {
  return ({ batch: record, job: before }) => {
    if (!before || before.state === state) return { accepted: false };
    const { counts } = record;
    return {
      accepted: true,
      batch: { ...record, counts: { ...counts, [state]: counts[state] + 1 } },
      job: jobChange(before, { state, ...fields }),
    };
  };
}

/** Something to send that can be told from others. */
export function event(eventId: string): Outgoing {
  return { kind: 'event', lifecycle: 'progress', event: 'order.progress', eventId, payload: '{"batch_id":"…"}' };
}

/** A step that has these events to send. */
export function sending(batchId: string, eventIds: readonly string[], fields: Partial<Step> = {}): Step {
  return step(batchId, changing({}, { outbox: eventIds.map(event) }), fields);
}
