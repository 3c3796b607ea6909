import { join } from 'node:path';
import { writeBuild } from '../config/built-files.js';
import { bundle, bundleProblems } from '../config/bundle.js';
import { BUILD_FOLDER, relativePath } from '../config/position.js';
import type { ResolvedConfig } from '../config/resolved-config.js';
import { ThrunError } from '../contracts/errors.js';
import { failed } from './failed.js';
import { findListenerFiles } from './listener-files.js';

/** A listener file, and what is to be imported for it. Both absolute; plain JSON, so that a parent can pass it on. */
export interface BuiltListener {
  readonly source: string;
  readonly module: string;
}

export interface Build {
  readonly listeners: readonly BuiltListener[];
  readonly warnings: readonly string[];
}

/** Finds the listener files and makes modules of them that Node can import. */
export async function buildListeners(
  config: Pick<ResolvedConfig, 'root' | 'listeners'>,
): Promise<readonly BuiltListener[]> {
  const { files } = await findListenerFiles(config);
  return (await buildFiles(files, config.root)).listeners;
}

/** @throws {ThrunError} THRUN_DISCOVERY_FAILED with every syntax error and its place. */
export async function buildFiles(files: readonly string[], root: string): Promise<Build> {
  if (files.every((file) => /\.m?js$/.test(file))) {
    return { listeners: files.map((source) => ({ source, module: source })), warnings: [] };
  }
  const outdir = `${BUILD_FOLDER}/listeners`;
  const outputs = Object.fromEntries(files.map((file) => [file, outputName(file, root)]));
  try {
    // All of them at once, JavaScript too, so that a module two of them share is one module.
    const built = await bundle({ root, outdir, entries: outputs, sourcemap: 'linked', splitting: true });
    const folder = await writeBuild(join(root, BUILD_FOLDER), 'listeners', built.files, join(root, outdir));
    const listeners = files.map((source) => ({ source, module: join(folder, `${outputs[source]}.mjs`) }));
    return { listeners, warnings: built.warnings };
  } catch (error) {
    if (error instanceof ThrunError) throw error;
    throw failed(
      bundleProblems(error, root) ?? [`the listeners could not be built: ${(error as Error).message}`],
      error,
    );
  }
}

/** Its extension is kept, for `order.ts` may lie beside `order.mts`; a file above the root gets no name above the output. */
function outputName(file: string, root: string): string {
  return relativePath(root, file).replace(/^(?:\.\.\/)+/, (up) => '_'.repeat(up.length / 3) + '/');
}
