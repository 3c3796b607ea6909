import { type Thrun, thrunFrom } from '../app.js';
import type { ResolvedConfig } from '../config/resolve.js';
import type { Transport } from '../contracts/transport.js';
import { transportsOf } from '../dispatch/addresses.js';
import type { Cli } from './cli.js';
import { plain } from './plain-text.js';
import { nameOf, SILENT, type TransportFlag, withThrun } from './project.js';

/** The transports a command is about: the one of --transport, else every one that the config sends to. */
export function transportsFor(config: ResolvedConfig, flags: TransportFlag): readonly string[] {
  return flags.transport === undefined ? transportsOf(nameOf(config), config.routes) : [flags.transport];
}

/**
 * Gives `use` the transports, open. One that is away is said, and makes the exit code 1; the others are shown all the same.
 * @throws {ThrunError} when none can be reached
 */
export function withTransports<Result>(
  cli: Cli,
  config: ResolvedConfig,
  flags: TransportFlag,
  use: (transports: readonly Transport[]) => Promise<Result>,
): Promise<{ readonly result: Result; readonly complete: boolean }> {
  return withThrun(config, async (thrun) => {
    const { open, failures } = await openAll(thrun, transportsFor(config, flags));
    if (open.length === 0) throw failures[0];
    for (const { message } of failures) cli.output.warn(plain(message));
    return { result: await use(open), complete: failures.length === 0 };
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
    const thrun = (this.#thrun ??= await thrunFrom({ ...this.#config, logger: SILENT }));
    return Promise.all(this.#names.map(async (name) => look(await thrun.transport(name))));
  }

  async close(): Promise<void> {
    await this.#thrun?.close();
  }
}

async function openAll(thrun: Thrun, names: readonly string[]) {
  const outcomes = await Promise.allSettled(names.map((name) => thrun.transport(name)));
  const open = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []));
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as Error] : []));
  return { open, failures };
}
