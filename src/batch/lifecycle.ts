import type { BatchProgress, LifecyclePayload } from '../contracts/batch.js';
import type { BatchFailure, BatchRecord, JobHead } from '../contracts/batch-store.js';

export function progressOf({ id, name, status, counts }: BatchRecord): BatchProgress {
  const { succeeded, failed, skipped, cancelled } = counts;
  const total = totalOf(counts);
  const completed = succeeded + failed + skipped + cancelled;
  const percent = total === 0 ? 100 : Math.floor((completed / total) * 100);
  return { batch_id: id, name, status, total, completed, percent, succeeded, failed, skipped, cancelled };
}

export function lifecyclePayload(
  batch: BatchRecord,
  job: JobHead | undefined,
  failure: BatchFailure | undefined,
): LifecyclePayload {
  return {
    ...progressOf(batch),
    run: batch.run,
    ...(job && { job: { job_id: job.id, event: job.event } }),
    ...(failure && { error: { message: failure.message } }),
  };
}

function totalOf(counts: BatchRecord['counts']): number {
  let total = 0;
  for (const state in counts) total += counts[state as keyof typeof counts];
  return total;
}
