import type { BatchRecord, NewJob, ParentRef } from '../contracts/batch-store.js';
import { type BatchDefinition, UNNAMED } from './definition.js';
import { jobId as idOfJob, nestedId } from './ids.js';

/** A batch as a store takes it. */
export interface NewBatch {
  readonly batch: BatchRecord;
  readonly jobs: readonly NewJob[];
}

/** A definition as records: nested batches first, so that an outer one never names one that is not there. */
export function recordsOf(
  definition: BatchDefinition,
  id: string,
  now: number,
  parent?: ParentRef,
): readonly NewBatch[] {
  const { jobs, nested } = jobsOf(definition.stages, id, now, (index) => idOfJob(id, index));
  const batch: BatchRecord = {
    id,
    name: definition.name ?? null,
    run: 1,
    parallel: definition.parallel,
    allowFailures: definition.allowFailures,
    events: definition.events,
    status: 'running',
    sealed: false,
    started: false,
    counts: { waiting: jobs.length, queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, skipped: 0 },
    fired: [],
    failure: undefined,
    progressed: undefined,
    nextStage: definition.stages.length,
    nextIndex: jobs.length,
    nests: nested.length > 0,
    parent,
    createdAt: now,
    updatedAt: now,
    finishedAt: undefined,
  };
  return [...nested, { batch, jobs }];
}

/** Jobs of these stages, and the batches nested among them. */
export function jobsOf(
  stages: BatchDefinition['stages'],
  batchId: string,
  now: number,
  idAt: (index: number) => string,
): { readonly jobs: readonly NewJob[]; readonly nested: readonly NewBatch[] } {
  const jobs: NewJob[] = [];
  const nested: NewBatch[] = [];
  for (const [stage, members] of stages.entries()) {
    for (const member of members) {
      const index = jobs.length;
      const id = idAt(index);
      if (member.kind === 'job') {
        const { event, payload, queue, key } = member;
        jobs.push({ id, index, stage, event, payload, ...(queue && { queue }), ...(key && { key }) });
        continue;
      }
      const child = nestedId(batchId, id);
      jobs.push({ id, index, stage, event: member.batch.name ?? UNNAMED, payload: '{}', child });
      nested.push(...recordsOf(member.batch, child, now, { batchId, jobId: id, run: 0 }));
    }
  }
  return { jobs, nested };
}
