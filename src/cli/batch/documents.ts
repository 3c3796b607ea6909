import { lifecycleOf } from '../../batch/lifecycle-state.js';
import { progressOf } from '../../batch/lifecycle.js';
import type { BatchRecord, JobRecord, OutboxEntry } from '../../contracts/batch-store.js';

/** What `thrun batch status --json` prints. */
export type StatusDocument = ReturnType<typeof statusDocument>;

/** A batch as `--json` prints it. The names are those of the wire. */
export function statusDocument(batch: BatchRecord, jobs: readonly JobRecord[], outbox: readonly OutboxEntry[]) {
  return {
    ...listDocument(batch),
    jobs: jobs.map(({ id, event, state, attempts, error, child }) => ({
      job_id: id,
      event,
      status: state,
      attempts,
      error: error ?? null,
      ...(child !== undefined && { batch_id: child }),
    })),
    lifecycle: lifecycleOf(batch, outbox),
  };
}

/** The same without what is in it. */
export function listDocument(batch: BatchRecord) {
  return { ...progressOf(batch), created_at: timeOf(batch.createdAt), finished_at: timeOf(batch.finishedAt) };
}

/** RFC 3339. */
function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
