import type { Batches } from '../../batch/batches.js';
import type { BatchRecord } from '../../contracts/batch-store.js';
import type { Cli } from '../cli.js';
import type { Output } from '../output.js';
import { plain } from '../plain-text.js';
import type { TransportFlag } from '../project.js';
import { table } from '../table.js';
import { type StatusDocument, statusDocument } from './documents.js';
import { findBatch } from './find-batch.js';
import { watch } from './watch.js';
import { withBatches } from './with-batches.js';

export interface StatusFlags extends TransportFlag {
  readonly watch?: boolean;
}

/** Exit code: with `--watch` whether it ended well. */
export function status(cli: Cli, flags: StatusFlags, given: string): Promise<number> {
  const { output } = cli;
  return withBatches(cli, flags, async ({ thrun }) => {
    const { id } = await findBatch(thrun, given);
    const batches = await thrun.batches();
    const look = async () => documentOf(batches, await batches.get(id));
    if (flags.watch !== true) {
      await print(await look(), output);
      return 0;
    }
    const ended = await watch(batches, id, output, async () => output.document(await look()));
    if (!output.json) await print(await look(), output);
    return ended?.status === 'succeeded' ? 0 : 1;
  });
}

async function documentOf(batches: Batches, batch: BatchRecord): Promise<StatusDocument> {
  return statusDocument(batch, await batches.jobs(batch.id), await batches.store.outbox(batch.id));
}

async function print(document: StatusDocument, output: Output): Promise<void> {
  if (output.json) return output.document(document);
  const { batch_id, name, created_at, finished_at, jobs, lifecycle } = document;
  output.line(output.paint.bold(name === null ? batch_id : `${plain(name)}  ${batch_id}`));
  output.line(standing(document));
  output.line(`created ${created_at}${finished_at === null ? '' : `, ended ${finished_at}`}`);
  if (jobs.length > 0) output.line(`\n${await jobTable(jobs, output)}`);
  if (lifecycle.length > 0) output.line(`\n${await lifecycleTable(lifecycle, output)}`);
}

function standing({ status: state, total, completed, percent, failed, skipped, cancelled }: StatusDocument): string {
  const rest = Object.entries({ failed, skipped, cancelled }).flatMap(([word, count]) =>
    count > 0 ? [`, ${count} ${word}`] : [],
  );
  return `${state}: ${completed} of ${total} done (${percent}%)${rest.join('')}`;
}

function jobTable(jobs: StatusDocument['jobs'], output: Output): Promise<string> {
  return table(
    [
      { head: 'JOB' },
      { head: 'EVENT' },
      { head: 'STATUS' },
      { head: 'ATTEMPTS', align: 'right' },
      { head: 'ERROR', cut: true },
    ],
    jobs.map(({ job_id, event, status: state, attempts, error, batch_id }) => [
      job_id,
      batch_id === undefined ? event : `${event} (batch ${batch_id})`,
      state,
      String(attempts),
      error?.split('\n', 1)[0] ?? '',
    ]),
    output,
  );
}

function lifecycleTable(lifecycle: StatusDocument['lifecycle'], output: Output): Promise<string> {
  return table(
    [{ head: 'MOMENT' }, { head: 'EVENT' }, { head: 'STATE' }, { head: 'EVENT ID' }],
    lifecycle.map(({ kind, event, state, event_id }) => [kind, event, state, event_id ?? '']),
    output,
  );
}
