import { type Thrun, thrunFrom } from '../../app.js';
import type { ResolvedConfig } from '../../config/resolved-config.js';
import { ThrunError } from '../../contracts/errors.js';
import type { Logger } from '../../contracts/listener.js';
import type { Cli } from '../cli.js';
import { plain } from '../plain-text.js';
import { configFor, SILENT, type TransportFlag } from '../project.js';
import { type KnownContracts, knownContracts } from '../publish/known-contracts.js';

/** What the batch commands work with. */
export interface Batching {
  readonly thrun: Thrun;
  readonly config: ResolvedConfig;
  readonly known: KnownContracts | undefined;
}

/**
 * Makes the project's thrun for `use`, and closes it whatever comes of it. Handlers are not loaded: the manifest says which
 * queues their jobs go to.
 * @throws {ThrunError} THRUN_BATCH_STORE
 */
export async function withBatches<Result>(
  cli: Cli,
  flags: TransportFlag,
  use: (batching: Batching) => Promise<Result>,
): Promise<Result> {
  const { config } = await configFor(cli, flags);
  // Not "there are no batches": nobody has said where to look.
  if (config.batches.store === undefined) throw new ThrunError('THRUN_BATCH_STORE');
  const known = await knownContracts(cli, config);
  const logger: Logger = { ...SILENT, warn: (fields, text) => cli.output.warn(plain(toldOf(fields, text))) };
  const thrun = await thrunFrom(
    { ...config, logger: config.logger ?? logger },
    { queueOf: (event) => known?.queueOf(event) },
  );
  try {
    return await use({ thrun, config, known });
  } finally {
    await thrun.close();
  }
}

function toldOf(fields: object, text = ''): string {
  const { error } = fields as { readonly error?: unknown };
  return error === undefined ? text : `${text}: ${String(error)}`;
}
