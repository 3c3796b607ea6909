import { type Command, Option } from 'commander';
import type { Settings } from '../../config/environment.js';
import type { ThrunConfig } from '../../config/options.js';
import type { RunEvent } from '../../supervisor/run-workers.js';
import type { Totals } from '../../supervisor/supervisor.js';
import { type Cli, does, examples } from '../cli.js';
import { memoryFlag, nameListFlag, patternFlag, timeLimitFlag, wholeNumber } from '../flag-values.js';
import type { Output } from '../output.js';
import { configFor, type TransportFlag } from '../project.js';
import { transportOption } from '../shared-flags.js';
import { announce } from '../work/announce.js';
import { eventText } from '../work/event-text.js';
import { LiveLine } from '../work/live-line.js';
import { reportStats } from '../work/report-stats.js';
import { Signals } from '../work/signals.js';
import { StatsReader } from '../work/stats.js';

export interface WorkFlags extends TransportFlag {
  readonly processes?: number;
  readonly concurrency?: number;
  readonly queue?: readonly string[];
  readonly only?: string;
  readonly limit?: number;
  readonly timeLimit?: number;
  readonly memoryLimit?: number;
  readonly stopWhenEmpty?: boolean;
  readonly watch?: boolean;
  readonly stats?: boolean;
}

export function work(command: Command, cli: Cli): void {
  command
    .option('--processes <n>', 'worker processes (default: worker.processes, 1)', wholeNumber(1, 1024))
    .option(
      '--concurrency <n>',
      'deliveries at once in one process (default: worker.concurrency, 10)',
      wholeNumber(1, 10_000),
    )
    .addOption(new Option('--queue <names>', 'only these queues: a,b or transport:a').argParser(nameListFlag))
    .addOption(transportOption())
    .option('--only <pattern>', 'only listeners to events that match; what the others are to get is left', patternFlag)
    .option('--limit <n>', 'stop after so many deliveries', wholeNumber(1))
    .option('--time-limit <duration>', 'stop after so long', timeLimitFlag)
    .option('--memory-limit <size>', 'replace a process that holds more', memoryFlag)
    .option('--stop-when-empty', 'stop when nothing is left to do')
    .option('--watch', 'replace the processes when a source file changes')
    .option('--stats', 'show rate, active, retried, failed and depth while it runs');
  command.addHelpText(
    'after',
    '\nSIGTERM or SIGINT drains: what runs is finished, the rest handed back. A second one stops at once, exit code 1.',
  );
  examples(command, [
    'thrun work',
    'thrun work --processes 4 --concurrency 50 --stats',
    'thrun work --queue mail --only "order_*" --stop-when-empty',
  ]);
  does(command, cli, (flags: WorkFlags) => run(cli, flags));
}

async function run(cli: Cli, flags: WorkFlags): Promise<number> {
  const { output } = cli;
  const line = new LiveLine(output);
  // First of all: a signal that comes while the config is loaded is one as well.
  const signals = new Signals(() =>
    line.say(() => output.note('Stopping at once. What ran is delivered again when its lease has run out.')),
  );
  try {
    return await runUntilDone(cli, flags, line, signals);
  } finally {
    signals.stop();
  }
}

async function runUntilDone(cli: Cli, flags: WorkFlags, line: LiveLine, signals: Signals): Promise<number> {
  const { output } = cli;
  const { config, overrides } = await configFor(cli, flags, overridesOf(flags, output));
  const { runWorkers } = await import('../../supervisor/run-workers.js');
  const onEvent = (event: RunEvent): void => {
    const { text, warning } = eventText(event, config.worker.drainMs);
    line.say(() => (warning ? output.warn(text) : output.note(text)));
  };
  const startedAt = performance.now();
  await announce(config, flags, output);
  const running = await runWorkers({
    config,
    overrides,
    processes: config.worker.processes,
    queues: flags.queue,
    transport: flags.transport,
    only: flags.only,
    limit: flags.limit,
    timeLimitMs: flags.timeLimit,
    memoryLimit: flags.memoryLimit,
    stopWhenEmpty: flags.stopWhenEmpty,
    watch: flags.watch,
    onEvent,
  });
  signals.govern(running);
  // A stream of figures that nobody reads any more has no purpose left.
  if (flags.stats && output.json) output.onClosed(() => running.drain('nobody reads its output'));
  const stop = flags.stats ? reportStats(running, new StatsReader(config, flags), output, line) : undefined;
  const totals = await running.finished.finally(stop);
  summarize(totals, (performance.now() - startedAt) / 1000, output);
  return signals.killed ? 1 : 0;
}

/** What the command line overrules goes to every worker process as well, by the name of its flag. */
function overridesOf({ processes, concurrency }: WorkFlags, { verbose }: Output): Settings {
  const worker = { ...(processes !== undefined && { processes }), ...(concurrency !== undefined && { concurrency }) };
  const values: ThrunConfig = { worker, ...(verbose && { logLevel: 'debug' as const }) };
  const names = Object.fromEntries(Object.keys(worker).map((key) => [`worker.${key}`, `--${key}`]));
  return { values, names };
}

function summarize({ counts }: Totals, elapsed: number, output: Output): void {
  const { received, succeeded, retried, postponed, dead, unhandled, handedBack } = counts;
  const seconds = Number(elapsed.toFixed(3));
  const rest = { retried, postponed, dead, unhandled, handed_back: handedBack };
  if (output.json) return output.document({ kind: 'summary', received, succeeded, ...rest, seconds });
  const words = Object.entries(rest).flatMap(([word, count]) =>
    count > 0 || word === 'retried' || word === 'dead' ? [`${count} ${word}`] : [],
  );
  output.line(`${received} received: ${succeeded} handled, ${words.join(', ').replace('_', ' ')}, in ${seconds} s.`);
}
