import type { Command } from 'commander';
import { systemClock } from '../../contracts/clock.js';
import { ThrunError } from '../../contracts/errors.js';
import type { HistoryRange } from '../../contracts/history.js';
import { timeText } from '../../envelope/index.js';
import { type Extent, Replay } from '../../replay/replay.js';
import { Interruption } from '../bridge/interruption.js';
import { type Cli, does, examples } from '../cli.js';
import { confirm } from '../confirm.js';
import { withTransports } from '../each-transport.js';
import { nameFlag, patternFlag, pointFlag, wholeNumber } from '../flag-values.js';
import type { Output } from '../output.js';
import { PartialFailure } from '../partial-failure.js';
import { plain } from '../plain-text.js';
import { configFor, historyOf, limitsOf, type TransportFlag } from '../project.js';
import { chosen } from '../replay/chosen.js';
import { type Place, placeOf } from '../replay/place.js';
import { transportOption } from '../shared-flags.js';
import { underSpinner } from '../spinner.js';

interface ReplayFlags extends TransportFlag {
  readonly since: number | string;
  readonly until?: number | string;
  readonly queue?: string;
  readonly group?: string;
  readonly listener?: string;
  readonly only?: string;
  readonly rate?: number;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

export function replay(command: Command, cli: Cli): void {
  command
    .requiredOption(
      '--since <when>',
      'from then on: a time, 2h (ago), or an id or offset; 0 is the beginning',
      pointFlag,
    )
    .option('--until <when>', 'up to then (default: all that the group has received)', pointFlag)
    .option('--queue <name>', "of this queue (default: the config's)", nameFlag)
    .option('--group <name>', "to this group (default: the config's)", nameFlag)
    .option('--listener <name>', 'to this listener alone (default: to all that listen to the event)', nameFlag)
    .option('--only <pattern>', 'only events that match', patternFlag)
    .option('--rate <n>', 'at most so many a second, so that new events are not kept waiting', wholeNumber(1))
    .option('--dry-run', 'say how many they are, and change nothing')
    .option('-y, --yes', 'do not ask')
    .addOption(transportOption());
  examples(command, [
    'thrun replay --since 2h',
    'thrun replay --queue events --since 2026-01-01T12:00:00Z --until 2026-01-01T13:00:00Z',
    "thrun replay --since 1d --only 'payment.*' --listener PaymentAudit --rate 100 --yes",
  ]);
  does(command, cli, (flags: ReplayFlags) => run(cli, flags));
}

async function run(cli: Cli, flags: ReplayFlags): Promise<void> {
  const { output } = cli;
  const { since, until, listener } = flags;
  if (typeof since === 'number' && typeof until === 'number' && since > until) {
    throw new ThrunError('THRUN_INPUT', ['--since is later than --until.']);
  }
  const { config } = await configFor(cli, flags);
  const { queue = config.queue, group = config.group } = flags;
  const range: HistoryRange = { queue, group, since, ...(until !== undefined && { until }) };
  const matches = await chosen(config, { ...flags, group });
  await withTransports(cli, config, flags, historyOf, async (transports) => {
    const place = await placeOf(transports, range);
    const { name: transport } = place.transport;
    const replaying = new Replay({
      history: historyOf(place.transport),
      range,
      transport,
      listener,
      matches,
      rate: flags.rate,
      limits: limitsOf(config),
      clock: systemClock,
    });
    const about: About = { transport, queue, group, listener: listener ?? null };
    warnOfCut(place, range, output);
    if (flags.dryRun === true || flags.yes !== true) {
      const extent = await underSpinner(output, 'Counting', () => replaying.extent());
      if (flags.dryRun === true || extent.events === 0) return tellExtent(extent, about, place, output);
      await confirm(`${sentence('Give', about, extent.events)} again, ${span(extent)}?`, flags.yes, output);
    }
    await handOver(replaying, about, output);
  });
}

/** Who gets them, as the JSON document names it. */
interface About {
  readonly transport: string;
  readonly queue: string;
  readonly group: string;
  readonly listener: string | null;
}

/** What was deleted cannot be given to anybody, and nobody is to think that it was. */
function warnOfCut({ view }: Place, { queue }: HistoryRange, output: Output): void {
  if (!view.isCut) return;
  const gone =
    view.oldestAt === undefined
      ? `The queue ${plain(queue)} keeps nothing of its past.`
      : `What was published to ${plain(queue)} before ${timeOf(view.oldestAt)} is not kept any more.`;
  output.warn(`${gone} ${plain(view.keeps)}`);
}

function tellExtent(extent: Extent, about: About, { view }: Place, output: Output): void {
  const { events, from, to } = extent;
  if (output.json) {
    const times = { first_at: timeOf(from), last_at: timeOf(to), oldest_at: timeOf(view.oldestAt) };
    return output.document({ ...about, events, replayed: 0, ...times });
  }
  if (events === 0) output.line('There is nothing to replay.');
  else output.line(`${sentence('It would give', about, events)} again, ${span(extent)}.`);
}

async function handOver(replaying: Replay, about: About, output: Output): Promise<void> {
  const interruption = new Interruption();
  try {
    await underSpinner(output, 'Handing them over', () => replaying.run(interruption.signal));
  } catch (error) {
    throw partial(error as Error, replaying, about);
  } finally {
    interruption.end();
  }
  if (interruption.signal.aborted) throw partial(new Error('It was stopped.'), replaying, about);
  const { chosen: events, replayed } = replaying;
  if (output.json) return output.document({ ...about, events, replayed });
  const gone = events > replayed ? ` ${events - replayed} were deleted meanwhile.` : '';
  output.line(`${sentence('Gave', about, replayed)} again.${gone}`);
}

function partial(cause: Error, { chosen: events, replayed, position }: Replay, about: About): PartialFailure {
  const before =
    position === undefined
      ? 'Nothing was handed over.'
      : `${replayed} were handed over before that, the last of them at ${position}; they stay so.`;
  return new PartialFailure('THRUN_FAILED', `${cause.message} ${before}`, { ...about, events, replayed }, { cause });
}

function sentence(verb: string, { queue, group, listener }: About, count: number): string {
  const who = listener === null ? `the group ${plain(group)}` : `the listener ${plain(listener)} of ${plain(group)}`;
  return `${verb} ${count} event${count === 1 ? '' : 's'} of ${plain(queue)} to ${who}`;
}

function span({ from, to }: Extent): string {
  return from === undefined ? 'of unknown time' : `published from ${timeOf(from)} to ${timeOf(to)}`;
}

function timeOf(ms: number | undefined): string | null {
  return ms === undefined ? null : (timeText(ms) ?? null);
}
