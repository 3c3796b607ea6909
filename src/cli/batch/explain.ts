import { explain as sentences } from '../../batch/explain.js';
import type { Cli } from '../cli.js';
import { plain } from '../plain-text.js';
import { transportsFor } from '../each-transport.js';
import type { TransportFlag } from '../project.js';
import { Destinations } from '../publish/destinations.js';
import { findBatch } from './find-batch.js';
import { type Batching, withBatches } from './with-batches.js';

export function explain(cli: Cli, flags: TransportFlag, given: string): Promise<void> {
  const { output } = cli;
  return withBatches(cli, flags, async (batching) => {
    const { thrun, config, known } = batching;
    const destinations = new Destinations(config, known, {});
    const { id } = await findBatch(thrun, given);
    const { consumedQueues } = await import('../../supervisor/status-file.js');
    const lines = await sentences(await thrun.batches(), id, {
      now: Date.now(),
      stats: await statsOf(cli, batching, transportsFor(config, flags)),
      addressOf: (event) => destinations.of(event),
      isUnheard: (event) => known?.isUnheard(event) === true,
      consumed: consumedQueues(config.root),
    });
    if (output.json) output.document({ batch_id: id, lines });
    else for (const line of lines) output.line(plain(line));
  });
}

/** What the queues hold is part of the answer; without it there still is one. */
async function statsOf({ output }: Cli, { thrun }: Batching, transports: readonly string[]) {
  const all = await Promise.all(
    transports.map(async (transport) => {
      try {
        const rows = (await (await thrun.transport(transport)).queues?.stats()) ?? [];
        return rows.map((row) => ({ ...row, transport }));
      } catch (error) {
        output.warn(plain(error instanceof Error ? error.message : String(error)));
        return [];
      }
    }),
  );
  return all.flat();
}
