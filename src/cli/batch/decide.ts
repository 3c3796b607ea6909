import type { BatchStatus } from '../../contracts/batch.js';
import { formatDuration } from '../../contracts/units.js';
import type { Cli } from '../cli.js';
import { confirm } from '../confirm.js';
import type { TransportFlag } from '../project.js';
import { listDocument } from './documents.js';
import { findBatch } from './find-batch.js';
import { withBatches } from './with-batches.js';

export interface PruneFlags extends TransportFlag {
  readonly olderThan: number;
  readonly status?: BatchStatus;
  readonly yes?: boolean;
}

export function cancel(cli: Cli, flags: TransportFlag, given: string): Promise<void> {
  const { output } = cli;
  return withBatches(cli, flags, async ({ thrun }) => {
    const { id } = await findBatch(thrun, given);
    const batch = await (await thrun.batches()).cancel(id);
    if (output.json) return output.document(listDocument(batch));
    const { cancelled, running } = batch.counts;
    const rest =
      running > 0 ? ` ${jobs(running)} still ${running === 1 ? 'runs and is' : 'run and are'} told to stop.` : '';
    output.line(`Cancelled ${id}: ${jobs(cancelled)} will not run.${rest}`);
  });
}

export function retry(cli: Cli, flags: TransportFlag, given: string): Promise<void> {
  const { output } = cli;
  return withBatches(cli, flags, async ({ thrun }) => {
    const { id } = await findBatch(thrun, given);
    // A new run whose first jobs could not be sent would only wait; nothing is changed then.
    await thrun.transport();
    const batch = await (await thrun.batches()).retry(id);
    if (output.json) return output.document(listDocument(batch));
    const { waiting, queued } = batch.counts;
    output.line(`Retrying ${id}, run ${batch.run}: ${jobs(waiting + queued)} will run again.`);
  });
}

export function prune(cli: Cli, flags: PruneFlags): Promise<void> {
  const { output } = cli;
  const { olderThan, status, yes } = flags;
  return withBatches(cli, flags, async ({ thrun }) => {
    const which = `every ${status ?? 'finished'} batch${olderThan > 0 ? ` that ended more than ${formatDuration(olderThan)} ago` : ''}`;
    await confirm(`Delete ${which}?`, yes, output);
    const finishedBefore = Date.now() - olderThan;
    const pruned = (await thrun.batchesUsed())
      ? await (await thrun.batches()).prune({ finishedBefore, ...(status !== undefined && { status }) })
      : 0;
    if (output.json) output.document({ pruned });
    else output.line(`Pruned ${pruned} ${pruned === 1 ? 'batch' : 'batches'}.`);
  });
}

function jobs(count: number): string {
  return `${count} ${count === 1 ? 'job' : 'jobs'}`;
}
