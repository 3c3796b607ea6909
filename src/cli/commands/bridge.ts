import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type Command, Option } from 'commander';
import { Bridge, type BridgeNotice } from '../../bridge/bridge.js';
import { transportSettings } from '../../config/environment.js';
import type { ResolvedConfig } from '../../config/resolved-config.js';
import { systemClock } from '../../contracts/clock.js';
import { ThrunError } from '../../contracts/errors.js';
import { maskSecrets } from '../../contracts/secrets.js';
import { formatDuration } from '../../contracts/units.js';
import { transportsOf } from '../../dispatch/addresses.js';
import { BridgeProgress, noticeText } from '../bridge/progress.js';
import { Interruption } from '../bridge/interruption.js';
import { type Cli, does, examples, type GlobalFlags } from '../cli.js';
import { nameFlag, nameListFlag, patternFlag, wholeNumber } from '../flag-values.js';
import { plain } from '../plain-text.js';
import { nameOf, withThrun } from '../project.js';

interface BridgeFlags extends GlobalFlags {
  readonly from: string;
  readonly to: string;
  readonly queue?: readonly string[];
  readonly toQueue?: string;
  readonly only?: string;
  readonly group?: string;
  readonly limit?: number;
  readonly stopWhenEmpty?: boolean;
}

export function bridge(command: Command, cli: Cli): void {
  command
    .requiredOption(
      '--from <transport>',
      'where they are received: redis-list, or with a place of its own, sqlite:old.db',
    )
    .requiredOption('--to <transport>', 'where they go')
    .addOption(new Option('--queue <names>', "these queues: a,b (default: the config's)").argParser(nameListFlag))
    .option('--to-queue <name>', 'the queue they go to (default: the one of the same name)', nameFlag)
    .option(
      '--only <pattern>',
      'only events that match; needs a transport where every group gets every event',
      patternFlag,
    )
    .option('--group <name>', 'receive as this group (default: bridge-<to>)', nameFlag)
    .option('--limit <n>', 'end when so many were moved', wholeNumber(1))
    .option('--stop-when-empty', 'end when nothing waits');
  command.addHelpText(
    'after',
    '\nSIGTERM or SIGINT: what was received is moved or handed back, then it ends. A second one ends it at once; nothing is lost.',
  );
  examples(command, [
    'thrun bridge --from redis-list --to sqlite',
    'thrun bridge --from sqlite --to redis-streams --queue events --only "payment.*"',
    'thrun bridge --from sqlite:old.db --to sqlite --stop-when-empty',
  ]);
  does(command, cli, (flags: BridgeFlags) => run(cli, flags));
}

async function run(cli: Cli, flags: BridgeFlags): Promise<void> {
  const { output } = cli;
  const [from, to] = [await side(cli, flags, 'from'), await side(cli, flags, 'to')];
  refuseCircle(from, to, flags);
  refuseMissing(from, flags);
  const queues = flags.queue ?? [from.config.queue];
  const group = flags.group ?? `bridge-${to.name}`;
  const startedAt = performance.now();
  await withThrun(from.config, (source) =>
    withThrun(to.config, async (target) => {
      const [transportFrom, transportTo] = [await source.transport(from.name), await target.transport(to.name)];
      for (const { name, traits } of [transportFrom, transportTo]) {
        if (!traits.multiProcess)
          throw new ThrunError('THRUN_INPUT', [`The transport ${name} lives in this process alone.`]);
      }
      const interruption = new Interruption();
      const progress = new BridgeProgress(output);
      const { payloadBytes, depth, metaBytes } = from.config.limits;
      const moving = new Bridge({
        from: transportFrom,
        to: transportTo,
        queues,
        toQueue: flags.toQueue,
        group,
        visibilityMs: from.config.worker.visibilityMs,
        only: flags.only,
        limit: flags.limit,
        stopWhenEmpty: flags.stopWhenEmpty,
        limits: { maxBytes: payloadBytes, maxDepth: depth, maxMetaBytes: metaBytes },
        clock: systemClock,
        signal: interruption.signal,
        onNotice: (notice: BridgeNotice) => progress.say(noticeText(notice, from.name, to.name)),
      });
      const what = [`${from.name} → ${to.name}`, `group ${group}`, `queues ${queues.join(', ')}`]
        .map(plain)
        .join(' · ');
      output.note(`thrun bridge: ${what} · pid ${process.pid}`);
      const stop = progress.follow(moving);
      try {
        const counts = await moving.run();
        const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(3));
        stop();
        if (counts.dead > 0)
          output.warn(plain(`${counts.dead} cannot be read: dead letters on ${from.name}, group ${group}.`));
        if (output.json) output.document({ from: from.name, to: to.name, group, queues, ...counts, seconds });
        else {
          const { moved, skipped, dead } = counts;
          output.line(`Moved ${moved}, left out ${skipped}, ${dead} dead, in ${formatDuration(seconds * 1000)}.`);
        }
      } finally {
        stop();
        interruption.end();
      }
    }),
  );
}

interface Side {
  readonly name: string;
  readonly config: ResolvedConfig;
}

/** A transport that the config knows, or one by its name and place. */
async function side(cli: Cli, flags: BridgeFlags, flag: 'from' | 'to'): Promise<Side> {
  const text = flags[flag];
  const config = await cli.config(flags);
  if (transportsOf(nameOf(config), config.routes).includes(text)) return { name: text, config };
  const settings = transportSettings(text, `--${flag}`);
  if (!settings) {
    const why = 'it has no file or server that could be named so; set its options in the config';
    throw new ThrunError('THRUN_INPUT', [`--${flag} ${maskSecrets(text)}: ${why}.`]);
  }
  const own = await cli.config(flags, settings);
  return { name: nameOf(own), config: own };
}

/** Events would be received again as soon as they were published. */
function refuseCircle(from: Side, to: Side, { toQueue, queue }: BridgeFlags): void {
  if (from.name !== to.name || !isDeepStrictEqual(from.config.transports, to.config.transports)) return;
  const queues = queue ?? [from.config.queue];
  if (toQueue !== undefined && !queues.includes(toQueue)) return;
  throw new ThrunError('THRUN_INPUT', [
    `--from and --to are the same transport, ${from.name}. Name another one, or another queue with --to-queue.`,
  ]);
}

/** The file would be made, and nothing moved out of it: a slip of the pen. */
function refuseMissing({ config }: Side, { from }: BridgeFlags): void {
  if (!from.startsWith('sqlite:') || existsSync(config.transports.sqlite.path)) return;
  throw new ThrunError('THRUN_INPUT', [`--from ${from}: there is no such file.`]);
}
