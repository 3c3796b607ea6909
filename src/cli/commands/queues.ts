import type { Command } from 'commander';
import { nearestName } from '../../config/nearest-name.js';
import { ThrunError } from '../../contracts/errors.js';
import type { QueueStats, Transport } from '../../contracts/transport.js';
import { formatDuration } from '../../contracts/units.js';
import { type Cli, does, examples } from '../cli.js';
import { confirm } from '../confirm.js';
import { defaultCommand } from '../default-command.js';
import { transportsFor, withTransports } from '../each-transport.js';
import { nameFlag } from '../flag-values.js';
import { plain } from '../plain-text.js';
import type { Output } from '../output.js';
import { configFor, queuesOf, type TransportFlag } from '../project.js';
import { transportOption } from '../shared-flags.js';
import { table } from '../table.js';

interface PlacedStats extends QueueStats {
  readonly transport: string;
}

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

async function show(cli: Cli, flags: TransportFlag): Promise<number> {
  const { output } = cli;
  const { config } = await configFor(cli, flags);
  const { result: rows, complete } = await withTransports(cli, config, flags, statsOf);
  const names = transportsFor(config, flags);
  if (output.json) output.document(rows.map(documentOf));
  else if (rows.length > 0) output.line(await queueTable(rows, names.length > 1, output));
  else {
    const where = names.map(plain).join(', ');
    output.note(`There are no queues on ${where} yet: nothing was published, and nobody consumed.`);
  }
  return complete ? 0 : 1;
}

async function statsOf(transports: readonly Transport[]): Promise<readonly PlacedStats[]> {
  const all = await Promise.all(
    transports.map(async (transport) =>
      (await queuesOf(transport).stats()).map((row) => ({ transport: transport.name, ...row })),
    ),
  );
  return all.flat();
}

function queueTable(rows: readonly PlacedStats[], several: boolean, output: Output): Promise<string> {
  return table(
    [
      ...(several ? [{ head: 'TRANSPORT' }] : []),
      { head: 'QUEUE' },
      { head: 'GROUP' },
      { head: 'DEPTH', align: 'right' },
      { head: 'IN FLIGHT', align: 'right' },
      { head: 'DELAYED', align: 'right' },
      { head: 'DEAD', align: 'right' },
      { head: 'OLDEST', align: 'right' },
    ],
    rows.map(({ transport, queue, group, depth, inFlight, delayed, dead, oldestAgeMs }) => [
      ...(several ? [transport] : []),
      queue,
      group === '' ? '(no group yet)' : group,
      ...[depth, inFlight, delayed, dead].map(String),
      oldestAgeMs === undefined ? '-' : formatDuration(oldestAgeMs),
    ]),
    output,
  );
}

function documentOf({ transport, queue, group, depth, inFlight, delayed, dead, oldestAgeMs }: PlacedStats) {
  return { transport, queue, group, depth, in_flight: inFlight, delayed, dead, oldest_age_ms: oldestAgeMs ?? null };
}

async function empty(cli: Cli, flags: PurgeFlags, queue: string): Promise<void> {
  const { output } = cli;
  const { config } = await configFor(cli, flags);
  await withTransports(cli, config, flags, async (transports) => {
    const rows = await statsOf(transports);
    const own = rows.filter((row) => row.queue === queue);
    const names = [...new Set(own.map(({ transport }) => transport))];
    if (names.length > 1) {
      const where = names.map(plain).join(' and ');
      throw new ThrunError('THRUN_INPUT', [
        `There is a queue ${plain(queue)} on ${where}. Say which with --transport.`,
      ]);
    }
    const transport = transports.find(({ name }) => name === names[0]);
    if (!transport) throw unknownQueue(queue, rows, transports);
    await confirm(question(queue, own), flags.yes, output);
    const purged = await queuesOf(transport).purge(queue);
    if (output.json) output.document({ transport: transport.name, queue, purged });
    else output.line(`Purged ${purged} from ${plain(queue)}.`);
  });
}

function question(queue: string, rows: readonly QueueStats[]): string {
  const groups = rows.map(
    ({ group, depth, delayed }) => `${depth + delayed} for ${group === '' ? 'no group yet' : plain(group)}`,
  );
  return `Delete everything that waits in the queue ${plain(queue)} (${groups.join(', ')})?`;
}

function unknownQueue(queue: string, rows: readonly QueueStats[], transports: readonly Transport[]): ThrunError {
  const names = [...new Set(rows.map((row) => row.queue))];
  const nearest = nearestName(queue, names);
  const known = names.length > 0 ? `It has ${names.join(', ')}.` : 'It has none.';
  const hint = nearest === undefined ? known : `Did you mean ${nearest}?`;
  const where = transports.map(({ name }) => name).join(', ');
  return new ThrunError('THRUN_FAILED', [`There is no queue ${queue} on ${where}. ${hint}`]);
}
