import type { BatchStatus } from '../../contracts/batch.js';
import type { BatchRecord } from '../../contracts/batch-store.js';
import type { Cli } from '../cli.js';
import type { Output } from '../output.js';
import type { TransportFlag } from '../project.js';
import { table } from '../table.js';
import { listDocument } from './documents.js';
import { withBatches } from './with-batches.js';

export interface ListFlags extends TransportFlag {
  readonly status?: BatchStatus;
  readonly name?: string;
  readonly since?: number;
  readonly nested?: boolean;
  readonly limit: number;
}

export async function list(cli: Cli, flags: ListFlags): Promise<void> {
  const { output } = cli;
  const { status, name, since, nested, limit } = flags;
  const filter = {
    ...(status !== undefined && { status }),
    ...(name !== undefined && { name }),
    ...(since !== undefined && { since }),
    ...(nested !== undefined && { nested }),
  };
  const found = await withBatches(cli, flags, async ({ thrun }) =>
    (await thrun.batchesUsed()) ? (await thrun.batches()).list(filter, limit + 1) : [],
  );
  const shown = found.slice(0, limit);
  if (output.json) output.document(shown.map(listDocument));
  else if (shown.length > 0) output.line(await batchTable(shown, output));
  else output.note(`There are no batches${Object.keys(filter).length > 0 ? ' that match' : ''}.`);
  if (found.length > shown.length) output.note(`The newest ${limit}; --limit shows more.`);
}

function batchTable(batches: readonly BatchRecord[], output: Output): Promise<string> {
  return table(
    [
      { head: 'ID' },
      { head: 'NAME', cut: true },
      { head: 'STATUS' },
      { head: 'DONE', align: 'right' },
      { head: 'FAILED', align: 'right' },
      { head: 'CREATED' },
      { head: 'ENDED' },
    ],
    batches
      .map(listDocument)
      .map(({ batch_id, name, status, total, completed, failed, created_at, finished_at }) => [
        batch_id,
        name ?? '-',
        status,
        `${completed}/${total}`,
        String(failed),
        created_at ?? '-',
        finished_at ?? '-',
      ]),
    output,
  );
}
