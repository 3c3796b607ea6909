import type { Command } from 'commander';
import { nearestName } from '../../config/nearest-name.js';
import { ThrunError } from '../../contracts/errors.js';
import type { QueueStats } from '../../contracts/transport.js';
import { formatDuration } from '../../contracts/units.js';
import { type Cli, does, examples } from '../cli.js';
import { confirm } from '../confirm.js';
import { defaultCommand } from '../default-command.js';
import { nameFlag } from '../flag-values.js';
import { plain } from '../plain-text.js';
import { configFor, nameOf, queuesOf, type TransportFlag, withTransport } from '../project.js';
import { transportOption } from '../shared-flags.js';
import { table } from '../table.js';

interface PurgeFlags extends TransportFlag {
  readonly yes?: boolean;
}

export function queues(command: Command, cli: Cli): void {
  examples(command, ['thrun queues', 'thrun queues purge mail']);

  const list = defaultCommand(command, 'list').description(
    'Show what every queue holds, for each group that consumes it.',
  );
  list.addOption(transportOption());
  examples(list, ['thrun queues', "thrun queues --json | jq '.[] | select(.dead > 0)'"]);
  does(list, cli, (flags: TransportFlag) => show(cli, flags));

  const purge = command
    .command('purge')
    .description('Delete what waits in a queue. What runs, and dead letters, stay.');
  purge.argument('<queue>', 'the queue', nameFlag);
  purge.option('-y, --yes', 'do not ask').addOption(transportOption());
  examples(purge, ['thrun queues purge mail', 'thrun queues purge mail --yes --json']);
  does(purge, cli, (flags: PurgeFlags, queue: string) => empty(cli, flags, queue));
}

async function show(cli: Cli, flags: TransportFlag): Promise<void> {
  const { output } = cli;
  const { config } = await configFor(cli, flags);
  const rows = await withTransport(config, (transport) => queuesOf(transport).stats());
  if (output.json) return output.document(rows.map(documentOf));
  if (rows.length === 0) {
    return output.note(
      `There are no queues on ${plain(nameOf(config))} yet: nothing was published, and nobody consumed.`,
    );
  }
  output.line(
    await table(
      [
        { head: 'QUEUE' },
        { head: 'GROUP' },
        { head: 'DEPTH', align: 'right' },
        { head: 'IN FLIGHT', align: 'right' },
        { head: 'DELAYED', align: 'right' },
        { head: 'DEAD', align: 'right' },
        { head: 'OLDEST', align: 'right' },
      ],
      rows.map(({ queue, group, depth, inFlight, delayed, dead, oldestAgeMs }) => [
        queue,
        group === '' ? '(no group yet)' : group,
        ...[depth, inFlight, delayed, dead].map(String),
        oldestAgeMs === undefined ? '-' : formatDuration(oldestAgeMs),
      ]),
      output,
    ),
  );
}

function documentOf({ queue, group, depth, inFlight, delayed, dead, oldestAgeMs }: QueueStats) {
  return { queue, group, depth, in_flight: inFlight, delayed, dead, oldest_age_ms: oldestAgeMs ?? null };
}

async function empty(cli: Cli, flags: PurgeFlags, queue: string): Promise<void> {
  const { output } = cli;
  const { config } = await configFor(cli, flags);
  await withTransport(config, async (transport) => {
    const access = queuesOf(transport);
    const rows = await access.stats();
    const own = rows.filter((row) => row.queue === queue);
    if (own.length === 0) throw unknownQueue(queue, rows, transport.name);
    await confirm(question(queue, own), flags.yes, output);
    const purged = await access.purge(queue);
    if (output.json) output.document({ queue, purged });
    else output.line(`Purged ${purged} from ${plain(queue)}.`);
  });
}

function question(queue: string, rows: readonly QueueStats[]): string {
  const groups = rows.map(
    ({ group, depth, delayed }) => `${depth + delayed} for ${group === '' ? 'no group yet' : plain(group)}`,
  );
  return `Delete everything that waits in the queue ${plain(queue)} (${groups.join(', ')})?`;
}

function unknownQueue(queue: string, rows: readonly QueueStats[], transport: string): ThrunError {
  const names = [...new Set(rows.map((row) => row.queue))];
  const nearest = nearestName(queue, names);
  const known = names.length > 0 ? `It has ${names.join(', ')}.` : 'It has none.';
  const hint = nearest === undefined ? known : `Did you mean ${nearest}?`;
  return new ThrunError('THRUN_FAILED', [`There is no queue ${queue} on ${transport}. ${hint}`]);
}
