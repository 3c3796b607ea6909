import { explain as sentences } from '../../batch/explain.js';
import type { QueueStats } from '../../contracts/transport.js';
import type { Cli } from '../cli.js';
import { plain } from '../plain-text.js';
import { nameOf, type TransportFlag } from '../project.js';
import { findBatch } from './find-batch.js';
import { type Batching, withBatches } from './with-batches.js';

export function explain(cli: Cli, flags: TransportFlag, given: string): Promise<void> {
  const { output } = cli;
  return withBatches(cli, flags, async (batching) => {
    const { thrun, config, known } = batching;
    const { id } = await findBatch(thrun, given);
    const { consumedQueues } = await import('../../supervisor/status-file.js');
    const lines = await sentences(await thrun.batches(), id, {
      now: Date.now(),
      transport: nameOf(config),
      stats: await statsOf(cli, batching),
      queueOf: (event) => known?.queueOf(event) ?? config.queue,
      isUnheard: (event) => known?.isUnheard(event) === true,
      consumed: consumedQueues(config.root),
    });
    if (output.json) output.document({ batch_id: id, lines });
    else for (const line of lines) output.line(plain(line));
  });
}

/** What the queues hold is part of the answer; without it there still is one. */
async function statsOf({ output }: Cli, { thrun }: Batching): Promise<readonly QueueStats[]> {
  try {
    return (await (await thrun.transport()).queues?.stats()) ?? [];
  } catch (error) {
    output.warn(plain(error instanceof Error ? error.message : String(error)));
    return [];
  }
}
