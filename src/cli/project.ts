import { type Thrun, thrunFrom } from '../app.js';
import type { Settings } from '../config/environment.js';
import { WITH_HISTORY } from '../config/options.js';
import type { ResolvedConfig } from '../config/resolved-config.js';
import { ThrunError } from '../contracts/errors.js';
import { transportName } from '../contracts/route.js';
import type { DeadLetterAccess } from '../contracts/dead-letter.js';
import type { HistoryAccess } from '../contracts/history.js';
import type { QueueAccess, Transport } from '../contracts/transport.js';
import type { Logger } from '../contracts/listener.js';
import { transportsOf } from '../dispatch/addresses.js';
import type { Limits } from '../envelope/index.js';
import type { Cli, GlobalFlags } from './cli.js';

export interface TransportFlag extends GlobalFlags {
  readonly transport?: string;
}

/** The config, with the transport that the command line names where it has none of that name; and what it was overruled with, to be passed on. */
export async function configFor(
  cli: Cli,
  flags: TransportFlag,
  overrides: Settings = NOTHING,
): Promise<{ readonly config: ResolvedConfig; readonly overrides: Settings }> {
  const config = await cli.config(flags, overrides);
  const { transport: wanted } = flags;
  // A transport object has a name too, and naming one that is there is no reason to look for another.
  if (wanted === undefined || transportsOf(nameOf(config), config.routes).includes(wanted))
    return { config, overrides };
  const all: Settings = {
    values: { ...overrides.values, transport: wanted as never },
    names: { ...overrides.names, transport: '--transport' },
  };
  return { config: await cli.config(flags, all), overrides: all };
}

export function nameOf({ transport }: ResolvedConfig): string {
  return transportName(transport);
}

/** Makes the project's thrun for `use`, and closes it whatever comes of it. */
export async function withThrun<Result>(
  config: ResolvedConfig,
  use: (thrun: Thrun) => Promise<Result>,
): Promise<Result> {
  // The logger is for workers; loading it would only make every command start later.
  const thrun = await thrunFrom({ ...config, logger: config.logger ?? SILENT });
  try {
    return await use(thrun);
  } finally {
    await thrun.close();
  }
}

export function limitsOf({ limits: { payloadBytes, depth, metaBytes } }: ResolvedConfig): Limits {
  return { maxBytes: payloadBytes, maxDepth: depth, maxMetaBytes: metaBytes };
}

/** A broker that cannot list its queues looks at those it is told of: the routes', and the listeners' own in the manifest. */
export async function withKnownQueues(config: ResolvedConfig): Promise<ResolvedConfig> {
  const { readManifest } = await import('../registry/manifest.js');
  const manifest = await readManifest(config).catch(() => undefined);
  const own = manifest?.contracts.flatMap(({ queue }) => queue ?? []) ?? [];
  const { rabbitmq, kafka } = config.transports;
  const routed = config.routes.flatMap(({ queue }) => queue ?? []);
  const known = { queues: [...new Set([...rabbitmq.queues, ...own, ...routed])] };
  const transports = { ...config.transports, rabbitmq: { ...rabbitmq, ...known }, kafka: { ...kafka, ...known } };
  return { ...config, transports };
}

/** @throws {ThrunError} THRUN_ABILITY */
export function deadLettersOf(transport: Transport): DeadLetterAccess {
  return transport.deadLetters ?? unable(transport, 'show its dead letters');
}

/** @throws {ThrunError} THRUN_ABILITY */
export function queuesOf(transport: Transport): QueueAccess {
  return transport.queues ?? unable(transport, 'tell what its queues hold');
}

/** @throws {ThrunError} THRUN_ABILITY */
export function historyOf(transport: Transport): HistoryAccess {
  const others = WITH_HISTORY.join(' and ');
  return transport.history ?? unable(transport, `hand out old events again: it keeps none. Use ${others} for that`);
}

function unable(transport: Transport, what: string): never {
  throw new ThrunError('THRUN_ABILITY', [transport.name, what]);
}

const NOTHING: Settings = { values: {}, names: {} };

const silent = (): void => undefined;
/** What happens is told by results and errors; a log beside them would be noise. */
export const SILENT: Logger = { debug: silent, info: silent, warn: silent, error: silent };
