import { type Thrun, thrunFrom } from '../app.js';
import type { ResolvedConfig } from '../config/resolved-config.js';
import type { Transport } from '../contracts/transport.js';
import { transportsOf } from '../dispatch/addresses.js';
import type { Cli } from './cli.js';
import { plain } from './plain-text.js';
import { nameOf, SILENT, type TransportFlag, withKnownQueues, withThrun } from './project.js';

/** The transports a command is about: the one of --transport, else every one that the config sends to. */
export function transportsFor(config: ResolvedConfig, flags: TransportFlag): readonly string[] {
  return flags.transport === undefined ? transportsOf(nameOf(config), config.routes) : [flags.transport];
}

/**
 * Gives `use` the transports, open, of those that can what `ability` asks for. One that is away or cannot is said, the
 * others are shown all the same; incomplete is what lacks one that is away.
 * @throws {ThrunError} when there is none left
 */
export async function withTransports<Result>(
  cli: Cli,
  config: ResolvedConfig,
  flags: TransportFlag,
  ability: (transport: Transport) => unknown,
  use: (transports: readonly Transport[]) => Promise<Result>,
): Promise<{ readonly result: Result; readonly complete: boolean }> {
  return withThrun(await withKnownQueues(config), async (thrun) => {
    const { open, failures } = await openAll(thrun, transportsFor(config, flags));
    const { able, refusals } = ableOf(open, ability);
    const problems = [...failures, ...refusals];
    if (able.length === 0) throw problems[0];
    for (const { message } of problems) cli.output.warn(plain(message));
    return { result: await use(able), complete: failures.length === 0 };
  });
}

/** What several transports hold, looked at again and again over connections of one's own. */
export class TransportsReader {
  readonly #config: ResolvedConfig;
  readonly #names: readonly string[];
  #thrun: Thrun | undefined;

  constructor(config: ResolvedConfig, flags: TransportFlag) {
    this.#config = config;
    this.#names = transportsFor(config, flags);
  }

  /** @throws what the first of them says that is away */
  async read<Result>(look: (transport: Transport) => Promise<Result>): Promise<readonly Result[]> {
    const thrun = (this.#thrun ??= await thrunFrom({ ...(await withKnownQueues(this.#config)), logger: SILENT }));
    return Promise.all(this.#names.map(async (name) => look(await thrun.transport(name))));
  }

  async close(): Promise<void> {
    await this.#thrun?.close();
  }
}

function ableOf(transports: readonly Transport[], ability: (transport: Transport) => unknown) {
  const able: Transport[] = [];
  const refusals: Error[] = [];
  for (const transport of transports) {
    try {
      ability(transport);
      able.push(transport);
    } catch (error) {
      refusals.push(error as Error);
    }
  }
  return { able, refusals };
}

async function openAll(thrun: Thrun, names: readonly string[]) {
  const outcomes = await Promise.allSettled(names.map((name) => thrun.transport(name)));
  const open = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
  return { open, failures };
}
