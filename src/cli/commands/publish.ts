import { type Command, Option } from 'commander';
import { WIRE_FORMATS, type WireFormat } from '../../contracts/envelope.js';
import { ThrunError } from '../../contracts/errors.js';
import type { PublishOptions } from '../../contracts/listener.js';
import { RawJson } from '../../envelope/index.js';
import { type Cli, does, examples } from '../cli.js';
import { durationFlag, nameFlag, timeFlag } from '../flag-values.js';
import { plain } from '../plain-text.js';
import { configFor, limitsOf, nameOf, type TransportFlag, withThrun } from '../project.js';
import { Destinations } from '../publish/destinations.js';
import { knownContracts } from '../publish/known-contracts.js';
import { payloadText, unquoted } from '../publish/payload-text.js';
import { progressOf } from '../publish/progress.js';
import { publishLines } from '../publish/publish-lines.js';
import { openInput } from '../publish/read-input.js';
import { warnOfLoss, warnOfSilence } from '../publish/warnings.js';
import { transportOption } from '../shared-flags.js';

interface PublishFlags extends TransportFlag {
  readonly file?: string;
  readonly ndjson?: boolean;
  readonly delay?: number;
  readonly at?: string;
  readonly expiresAt?: string;
  readonly key?: string;
  readonly id?: string;
  readonly source?: string;
  readonly queue?: string;
  readonly format?: WireFormat;
}

export function publish(command: Command, cli: Cli): void {
  command
    .argument('[event]', 'the name of the event or job; none with --ndjson')
    .argument('[json]', 'its payload, or - to read it from stdin (default: {})')
    .option('--file <file>', 'read the payload from a file')
    .option('--ndjson', 'publish a file (or stdin) of envelopes, one a line, each as it is')
    .addOption(new Option('--delay <duration>', 'hold it back for so long').argParser(durationFlag).conflicts('at'))
    .addOption(new Option('--at <time>', 'hold it back until then').argParser(timeFlag))
    .option('--expires-at <time>', 'a dead letter when it is not handled by then', timeFlag)
    .option('--key <key>', 'ordering key')
    .option('--id <id>', 'its event id (default: a new UUIDv7)')
    .option('--source <name>', 'who publishes (default: the source of the config)')
    .option('--queue <name>', 'the queue it goes to (default: that of its route or job, else of the config)', nameFlag)
    .addOption(
      new Option('--format <format>', 'how it is written (default: as its route says, else envelope)').choices(
        WIRE_FORMATS,
      ),
    )
    .addOption(transportOption());
  examples(command, [
    `thrun publish order_created '{"order_id":123}'`,
    'thrun publish create_payment --file payment.json --delay 10s',
    `jq -c .order order.json | thrun publish order_created -`,
    'thrun publish --ndjson --file webhooks.ndjson',
  ]);
  does(command, cli, (flags: PublishFlags, event?: string, json?: string) =>
    flags.ndjson === true ? many(cli, flags, event, json) : one(cli, flags, event, json),
  );
}

async function one(cli: Cli, flags: PublishFlags, event: string | undefined, json: string | undefined): Promise<void> {
  const { output } = cli;
  if (event === undefined)
    throw new ThrunError('THRUN_INPUT', [`Name the event: thrun publish order_created '{"order_id":123}'`]);
  if (json !== undefined && flags.file !== undefined) {
    const both = json === '-' ? 'on stdin' : 'as an argument';
    throw new ThrunError('THRUN_INPUT', [`The payload is given twice, ${both} and by --file. Give it once.`]);
  }
  const { config } = await configFor(cli, flags);
  const from = flags.file ?? (json === '-' ? '-' : undefined);
  const text = from === undefined ? (json ?? '{}') : await payloadText(cli, from, limitsOf(config));
  const known = await knownContracts(cli, config);
  const destinations = new Destinations(config, known, flags);
  const { transport: name, queue } = destinations.of(event);
  await withThrun(config, async (thrun) => {
    const eventId = await thrun
      .event(event, new RawJson(text), { ...optionsOf(flags), transport: name, queue })
      .catch((error: unknown) => {
        if (unquoted(json))
          output.note(`hint: put the JSON in single quotes, or the shell takes the double ones: '{"id":1}'`);
        throw error;
      });
    const transport = await thrun.transport(name);
    warnOfLoss(cli, transport);
    if (output.json) output.document({ event_id: eventId, event, queue, transport: transport.name });
    else output.line(plain(eventId));
  });
  if (known?.isUnheard(event) && !destinations.isForOthers(event)) warnOfSilence(cli, known, [event]);
}

function optionsOf({ id, key, source, delay, at, expiresAt, format }: PublishFlags): PublishOptions {
  return {
    ...(format !== undefined && { format }),
    ...(id !== undefined && { id }),
    ...(key !== undefined && { key }),
    ...(source !== undefined && { source }),
    ...(delay !== undefined && { delay }),
    ...(at !== undefined && { at }),
    ...(expiresAt !== undefined && { expiresAt }),
  };
}

async function many(cli: Cli, flags: PublishFlags, word: string | undefined, extra: string | undefined): Promise<void> {
  const { output } = cli;
  refuseWithLines(flags, word, extra);
  const { config } = await configFor(cli, flags);
  const limits = limitsOf(config);
  const known = await knownContracts(cli, config);
  const input = await openInput(flags.file ?? '-');
  if (input.name === 'stdin' && process.stdin.isTTY)
    output.note('Reading envelopes from the terminal, one a line; Ctrl-D ends it.');

  const startedAt = performance.now();
  const interruption = new AbortController();
  // Once: whoever presses Ctrl-C again wants the process gone.
  process.once('SIGINT', () => interruption.abort());
  const unheard = new Set<string>();
  const destinations = new Destinations(config, known, flags);
  const addressOf = (event: string) => {
    if (known?.isUnheard(event) && !destinations.isForOthers(event)) unheard.add(event);
    return destinations.of(event);
  };
  const transports = new Set<string>();
  await withThrun(config, async (thrun) => {
    const transportOf = async (name: string) => {
      const transport = await thrun.transport(name);
      if (!transports.has(name)) warnOfLoss(cli, transport);
      transports.add(name);
      return transport;
    };
    const progress = await progressOf(output, input.size);
    const onProgress = (published: number, bytes: number) => progress.update(published, bytes);
    const { signal } = interruption;
    const publishing = publishLines({ input, limits, transportOf, addressOf, onProgress, signal });
    const result = await publishing.finally(() => progress.stop());
    const seconds = Number(((performance.now() - startedAt) / 1000).toFixed(3));
    const [transport = flags.transport ?? nameOf(config), ...others] = transports;
    if (output.json)
      output.document({ ...result, transport, ...(others.length > 0 && { transports: [...transports] }), seconds });
    else {
      const to = result.queues.length > 0 ? ` to ${result.queues.map(plain).join(', ')}` : '';
      const on = [transport, ...others].map(plain).join(', ');
      output.line(`Published ${result.published}${to} on ${on} in ${seconds} s.`);
    }
  });
  if (known) warnOfSilence(cli, known, [...unheard]);
}

function refuseWithLines(flags: PublishFlags, word: string | undefined, extra: string | undefined): void {
  const own = (['delay', 'at', 'expiresAt', 'key', 'id', 'source', 'format'] as const).find(
    (flag) => flags[flag] !== undefined,
  );
  if (own !== undefined) {
    const name = own === 'expiresAt' ? 'expires-at' : own;
    throw new ThrunError('THRUN_INPUT', [
      `--${name} does not go with --ndjson: each line is published as it is, with its own meta.`,
    ]);
  }
  if (extra !== undefined || (word !== undefined && word !== '-')) {
    throw new ThrunError('THRUN_INPUT', [
      `--ndjson takes no event: each line has its own. To read a file: --ndjson --file ${plain(word ?? '')}`,
    ]);
  }
  if (word === '-' && flags.file !== undefined) {
    throw new ThrunError('THRUN_INPUT', ['The envelopes are given twice, on stdin and by --file. Give them once.']);
  }
}
