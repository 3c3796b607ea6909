import type { Command } from 'commander';
import { type Cli, does, examples, type GlobalFlags } from '../cli.js';
import { plain } from '../plain-text.js';

interface NamesFlags extends GlobalFlags {
  readonly batches?: boolean;
}

/** For the completion scripts: what can be published here. Says nothing where it knows nothing: a shell is waiting. */
export function completeNames(command: Command, cli: Cli): void {
  command.option('--batches', 'names of batches instead');
  examples(command, ['thrun complete-names', 'thrun complete-names --batches']);
  does(command, cli, (flags: NamesFlags) => run(cli, flags));
}

async function run(cli: Cli, flags: NamesFlags): Promise<void> {
  const names = await known(flags).catch(() => []);
  if (cli.output.json) cli.output.document(names);
  // A name that would have to be escaped could not be typed either.
  for (const name of names) if (plain(name) === name) cli.output.line(name);
}

async function known(flags: NamesFlags): Promise<readonly string[]> {
  const [{ findConfig }, { readManifest }] = await Promise.all([
    import('../../config/find.js'),
    import('../../registry/manifest.js'),
  ]);
  const { dirname, resolve } = await import('node:path');
  // The config's folder is all that is needed; building the config on each press of the tab key is not.
  const file = flags.config === undefined ? findConfig(process.cwd()) : resolve(flags.config);
  const manifest = await readManifest({ root: file === undefined ? process.cwd() : dirname(file) });
  const contracts = [...(manifest?.contracts ?? []), ...(manifest?.events ?? [])];
  const names = (flags.batches === true ? (manifest?.batches ?? []) : contracts)
    .map(({ contract }) => contract)
    .filter((contract) => !contract.includes('*'));
  return [...new Set(names)].sort();
}
