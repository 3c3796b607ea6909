import type { Command } from 'commander';
import { ThrunError } from '../../contracts/errors.js';
import { utf8Text } from '../../envelope/utf8.js';
import { AllDeadLetters } from '../all-dead-letters.js';
import { type Cli, does, examples } from '../cli.js';
import { bytesAsText, letterDocument, letterTable } from '../dead-letter-view.js';
import { type DecideFlags, decide, FORGET, filterOf, type Filters, isFiltered, RETRY } from '../decide-dead-letters.js';
import { defaultCommand } from '../default-command.js';
import { transportsFor, withTransports } from '../each-transport.js';
import { nameFlag, sinceFlag, wholeNumber } from '../flag-values.js';
import { plain, plainLines } from '../plain-text.js';
import { configFor, deadLettersOf, type TransportFlag } from '../project.js';
import { transportOption } from '../shared-flags.js';

interface ListFlags extends Filters {
  readonly limit: number;
}

export function failed(command: Command, cli: Cli): void {
  examples(command, ['thrun failed', 'thrun failed show 17', 'thrun failed retry --all --event order_created']);

  const list = defaultCommand(command, 'list').description('List the dead letters, the oldest death first.');
  withFilters(list).option('--limit <n>', 'list at most so many', wholeNumber(1, 10_000), 100);
  examples(list, ['thrun failed list --since 1h', 'thrun failed list --event order_created --json']);
  does(list, cli, (flags: ListFlags) => listLetters(cli, flags));

  const show = command.command('show').description('Show one dead letter with its whole error and its bytes.');
  show.argument('<id>', 'its id, as listed').addOption(transportOption());
  examples(show, ['thrun failed show 17', 'thrun failed show 17 --json']);
  does(show, cli, (flags: TransportFlag, id: string) => showLetter(cli, flags, id));

  const retry = command.command('retry').description('Give dead letters back to the listener that gave up on them.');
  withSelection(retry);
  examples(retry, ['thrun failed retry 17 18', 'thrun failed retry --all --queue mail']);
  does(retry, cli, (flags: DecideFlags, ids: string[]) => decide(cli, flags, ids, RETRY));

  const forget = command.command('forget').description('Delete dead letters for good.');
  withSelection(forget);
  examples(forget, ['thrun failed forget 17', 'thrun failed forget --all --since 1d']);
  does(forget, cli, (flags: DecideFlags, ids: string[]) => decide(cli, flags, ids, FORGET));
}

function withFilters(command: Command): Command {
  return command
    .option('--event <name>', 'only of this event', nameFlag)
    .option('--queue <name>', 'only from this queue', nameFlag)
    .option('--since <when>', 'only those that died since: 30m, 1d, or a time in RFC 3339', sinceFlag)
    .addOption(transportOption());
}

function withSelection(command: Command): void {
  command.argument('[ids...]', 'their ids, as listed');
  withFilters(command.option('--all', 'all of them, or all that the filters match')).option('-y, --yes', 'do not ask');
}

async function listLetters(cli: Cli, flags: ListFlags): Promise<number> {
  const { output } = cli;
  const { config } = await configFor(cli, flags);
  const { result, complete } = await withTransports(cli, config, flags, deadLettersOf, async (transports) => {
    const access = new AllDeadLetters(transports);
    const filter = filterOf(flags);
    return { letters: await access.list(filter, flags.limit), count: await access.count(filter) };
  });
  const { letters, count } = result;
  if (output.json) output.document(letters.map(letterDocument));
  else if (letters.length > 0) output.line(await letterTable(letters, output));
  else {
    const where = transportsFor(config, flags).map(plain).join(', ');
    output.note(`There are no dead letters${isFiltered(flags) ? ' that match' : ''} on ${where}.`);
  }
  if (count > letters.length) output.note(`${letters.length} of ${count}; --limit shows more.`);
  return complete ? 0 : 1;
}

async function showLetter(cli: Cli, flags: TransportFlag, id: string): Promise<void> {
  const { output } = cli;
  const { config } = await configFor(cli, flags);
  const { result: letter } = await withTransports(cli, config, flags, deadLettersOf, (transports) =>
    new AllDeadLetters(transports).get(id),
  );
  if (!letter)
    throw new ThrunError('THRUN_FAILED', [`There is no dead letter ${id}. "thrun failed list" shows those there are.`]);
  // With a byte order mark, which reading takes off: it may be what is wrong.
  const text = utf8Text(letter.body) === undefined ? undefined : Buffer.from(letter.body).toString();
  if (output.json) {
    const base64 = Buffer.from(letter.body).toString('base64');
    return output.document({ ...letterDocument(letter), body: text ?? null, body_base64: base64 });
  }
  const margin = 14;
  for (const [name, value] of Object.entries(letterDocument(letter))) {
    const shown = value === null ? '-' : plainLines(String(value)).replaceAll('\n', `\n${' '.repeat(margin)}`);
    output.line(`${output.paint.dim(`${name}:`.padEnd(margin))}${shown}`);
  }
  output.line(output.paint.dim(`body (${letter.body.byteLength} bytes):`));
  output.line(text === undefined ? bytesAsText(letter.body) : plainLines(text));
}
