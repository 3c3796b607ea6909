import { type Command, InvalidArgumentError, Option } from 'commander';
import type { GivenJob } from '../batch/batch-source.js';
import { cancel, prune, retry } from '../batch/decide.js';
import { explain } from '../batch/explain.js';
import { list } from '../batch/list.js';
import { start } from '../batch/start.js';
import { status } from '../batch/status.js';
import { type Cli, does, examples } from '../cli.js';
import { defaultCommand } from '../default-command.js';
import { durationFlag, nameFlag, onceFlag, sinceFlag, wholeNumber } from '../flag-values.js';
import { transportOption } from '../shared-flags.js';

export function batch(command: Command, cli: Cli): void {
  examples(command, ['thrun batch', 'thrun batch start order.json', 'thrun batch status 0198c5f2 --watch']);
  defineList(command, cli);
  defineStart(command, cli);

  const state = command.command('status').description('Show how far a batch is, its jobs and its lifecycle events.');
  withId(state).option('--watch', 'draw a bar until it ends; exit code 1 when it did not succeed');
  examples(state, [
    'thrun batch status 0198c5f2',
    'thrun batch status 0198c5f2 --watch',
    'thrun batch status 0198c5f2 --json',
  ]);
  does(state, cli, (flags: Parameters<typeof status>[1], id: string) => status(cli, flags, id));

  const why = command.command('explain').description('Say in words what a batch waits for, and where that is.');
  withId(why);
  examples(why, ['thrun batch explain 0198c5f2']);
  does(why, cli, (flags: Parameters<typeof explain>[1], id: string) => explain(cli, flags, id));

  const end = command.command('cancel').description('Cancel what has not begun; what runs is told to stop.');
  withId(end);
  examples(end, ['thrun batch cancel 0198c5f2']);
  does(end, cli, (flags: Parameters<typeof cancel>[1], id: string) => cancel(cli, flags, id));

  const again = command.command('retry').description('Run the failed and skipped jobs of a failed batch again.');
  withId(again);
  examples(again, ['thrun batch retry 0198c5f2']);
  does(again, cli, (flags: Parameters<typeof retry>[1], id: string) => retry(cli, flags, id));

  const tidy = command
    .command('prune')
    .description('Delete batches that ended some time ago, with all that is theirs.');
  tidy
    .addOption(
      new Option('--older-than <duration>', 'that ended longer ago')
        .argParser(durationFlag)
        .default(7 * 86_400_000, '7d'),
    )
    .addOption(
      new Option('--status <status>', 'only those that ended so').choices(['succeeded', 'failed', 'cancelled']),
    )
    .option('-y, --yes', 'do not ask');
  examples(tidy, ['thrun batch prune', 'thrun batch prune --older-than 1d --status succeeded --yes']);
  does(tidy, cli, (flags: Parameters<typeof prune>[1]) => prune(cli, flags));
}

function defineList(command: Command, cli: Cli): void {
  const all = defaultCommand(command, 'list').description('List the batches, the newest first.');
  all
    .addOption(
      new Option('--status <status>', 'only in this state').choices(['running', 'succeeded', 'failed', 'cancelled']),
    )
    .option('--name <name>', 'only of this name')
    .option('--since <when>', 'only those made since: 30m, 1d, or a time in RFC 3339', sinceFlag)
    .option('--nested', 'those within others too')
    .option('--limit <n>', 'list at most so many', wholeNumber(1, 10_000), 100);
  examples(all, ['thrun batch list --status failed --since 1d', "thrun batch list --json | jq -r '.[].batch_id'"]);
  does(all, cli, (flags: Parameters<typeof list>[1]) => list(cli, flags));
}

function defineStart(command: Command, cli: Cli): void {
  const begin = command.command('start').description('Make a batch and start it; prints its id.');
  begin
    .argument('[batch]', 'a batch file, - for one on stdin, or the name of a class with @ThrunBatch')
    .argument('[payload]', 'JSON for that class, or - to read it from stdin')
    .option('--job <name=json>', 'a job and its payload; again for more', jobFlag)
    .option('--name <name>', 'what people call it', onceFlag())
    .option('--progress <event>', 'the event after each job that ran', onceFlag(nameFlag))
    .option('--then <event>', 'the event once every job has succeeded', onceFlag(nameFlag))
    .option('--catch <event>', 'the event at the first failure', onceFlag(nameFlag))
    .option('--finally <event>', 'the event once nothing can run any more', onceFlag(nameFlag))
    .option('--parallel', 'all jobs beside each other (default: one after the other)')
    .option('--allow-failures', 'run the rest when a job has failed')
    .addOption(transportOption());
  examples(begin, [
    'thrun batch start order.json',
    `thrun batch start order '{"orderId":1}'`,
    `thrun batch start --job create_payment='{"orderId":1}' --job send_email='{"orderId":1}' --then order.success`,
    'jq -n -f batch.jq | thrun batch start - --parallel',
  ]);
  does(begin, cli, (flags: Parameters<typeof start>[1], target?: string, payload?: string) =>
    start(cli, flags, target, payload),
  );
}

function withId(command: Command): Command {
  return command.argument('<id>', 'its id, or as much of the beginning as no other has').addOption(transportOption());
}

function jobFlag(text: string, before: readonly GivenJob[] = []): readonly GivenJob[] {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError(`Give a job and its payload: --job create_payment='{"orderId":1}'.`);
  return [...before, { event: text.slice(0, at), json: text.slice(at + 1) }];
}
