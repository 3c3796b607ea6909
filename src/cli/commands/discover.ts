import { relative } from 'node:path';
import type { Command } from 'commander';
import { ThrunError } from '../../contracts/errors.js';
import type { Discovery } from '../../registry/discover.js';
import type { Cli, GlobalFlags } from '../cli.js';
import { does, examples } from '../cli.js';
import type { Output } from '../output.js';
import { plain } from '../plain-text.js';
import { underSpinner } from '../spinner.js';
import { table } from '../table.js';

interface DiscoverFlags extends GlobalFlags {
  readonly check?: boolean;
}

export function discover(command: Command, cli: Cli): void {
  command.option('--check', 'write nothing; fail when the manifest does not say what the files say');
  examples(command, [
    'thrun discover',
    'thrun discover --check',
    "thrun discover --json | jq -r '.contracts[].contract'",
  ]);
  does(command, cli, (flags: DiscoverFlags) => run(cli, flags));
}

async function run(cli: Cli, flags: DiscoverFlags): Promise<void> {
  const { output } = cli;
  const config = await cli.config(flags);
  const [{ discover: find }, manifests] = await Promise.all([
    import('../../registry/discover.js'),
    import('../../registry/manifest.js'),
  ]);
  const path = manifests.manifestPath(config.root);
  const discovery = await underSpinner(output, 'Looking for listeners', () => find(config));
  for (const warning of discovery.warnings) output.warn(plain(warning));

  if (flags.check === true) await refuseStale(path, config, discovery, manifests);
  const written = flags.check === true ? undefined : await manifests.writeManifest(discovery, config);
  if (output.json) output.document(manifests.manifestOf(discovery));
  else if (rowsOf(discovery).length > 0) output.line(await contractTable(discovery, output));

  const shown = plain(relative(process.cwd(), path) || path);
  if (rowsOf(discovery).length === 0) {
    output.note(`No listeners were found in ${config.listeners.map(plain).join(', ')}. "thrun init" makes an example.`);
  }
  if (written) output.note(`${shown} ${written.changed ? 'is written' : 'was up to date'}.`);
  else output.note(`${shown} is up to date.`);
}

function contractTable(discovery: Discovery, output: Output): Promise<string> {
  return table(
    [{ head: 'CONTRACT' }, { head: 'KIND' }, { head: 'CLASS' }, { head: 'QUEUE' }, { head: 'FILE' }],
    rowsOf(discovery),
    output,
  );
}

/** What listens or runs, then the batches that can be started by name. */
function rowsOf({ contracts, batches }: Discovery): readonly (readonly string[])[] {
  return [
    ...contracts.map((one) => [one.contract, one.kind, one.class, one.queue ?? '', `${one.file}:${one.line}`]),
    ...batches.map((one) => [one.contract, 'batch', one.class, '', `${one.file}:${one.line}`]),
  ];
}

/** Compared as text: the same files also make another manifest when thrun itself reads them in a new way. */
async function refuseStale(
  path: string,
  config: Parameters<typeof import('../../registry/manifest.js').staleness>[1],
  discovery: Parameters<typeof import('../../registry/manifest.js').manifestOf>[0],
  manifests: typeof import('../../registry/manifest.js'),
): Promise<void> {
  const manifest = await manifests.readManifest(config);
  if (!manifest) throw new ThrunError('THRUN_MANIFEST_STALE', [path, 'it does not exist']);
  const reasons = await manifests.staleness(manifest, config);
  if (reasons.length > 0) throw new ThrunError('THRUN_MANIFEST_STALE', [path, reasons.map(plain).join(', ')]);
  if (manifests.manifestText(manifest) !== manifests.manifestText(manifests.manifestOf(discovery))) {
    throw new ThrunError('THRUN_MANIFEST_STALE', [path, 'the same files are now read differently']);
  }
}
