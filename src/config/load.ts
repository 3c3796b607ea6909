import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { ThrunError } from '../contracts/errors.js';
import { writeBuild } from './built-files.js';
import { bundle, bundleProblems, syntaxProblems } from './bundle.js';
import { findConfig, namedConfig, realFolder } from './find.js';
import { importProblems } from './import-problem.js';
import { nativeImport } from './native-import.js';
import { BUILD_FOLDER } from './position.js';
import { type ResolveOptions, resolveConfig } from './resolve.js';
import type { ResolvedConfig } from './resolved-config.js';
import { isObject } from './rules.js';

export interface LoadOptions extends Pick<ResolveOptions, 'env' | 'overrides'> {
  /** Where to look, and above it. */
  readonly cwd: string;
  /** The config itself, relative to `cwd`; then it has to be there. */
  readonly file?: string | undefined;
  /** The `module` of the config as another process resolved it, to spare this one the build. */
  readonly built?: string | undefined;
}

/** Finds, loads, checks and resolves the config. No config at all is fine, unless one was named. */
export async function loadConfig({ cwd, file: name, built, env, overrides }: LoadOptions): Promise<ResolvedConfig> {
  const found = name === undefined ? findConfig(cwd) : namedConfig(cwd, name);
  if (found === undefined) return resolveConfig({}, { root: cwd, env, overrides });
  const root = realFolder(dirname(found));
  const file = join(root, basename(found));
  const module = await moduleOf(file, root, built);
  const config = file.endsWith('.json') ? await readJson(file, root) : await evaluate(module, file, root);
  return resolveConfig(config, { root, file, module, env, overrides });
}

/** What is to be imported for a config file. */
async function moduleOf(file: string, root: string, built: string | undefined): Promise<string> {
  if (built !== undefined && existsSync(built)) return resolve(built);
  if (!/\.[cm]?ts$/.test(file)) return file;
  try {
    const entries = { [file]: 'config' };
    const { files } = await bundle({ root, outdir: BUILD_FOLDER, entries, sourcemap: 'inline', splitting: false });
    return await writeBuild(join(root, BUILD_FOLDER), 'config', files);
  } catch (error) {
    throw unreadable(file, bundleProblems(error, root) ?? [(error as Error).message], error);
  }
}

async function evaluate(module: string, file: string, root: string): Promise<unknown> {
  try {
    const exported = await nativeImport(module, await versionOf(module));
    // CommonJS that was compiled from a module hands over its exports as one default.
    const outer = exported['default'];
    const config = await (isObject(outer) && '__esModule' in outer ? outer['default'] : outer);
    if (config !== undefined) return typeof config === 'function' ? await config() : config;
  } catch (error) {
    throw unreadable(file, await importProblems(error, file, root), error);
  }
  throw unreadable(file, ['it has no default export; write "export default defineConfig({ … })".']);
}

/** What each config module was when this process first imported it. */
const imported = new Map<string, string>();

/**
 * A module that was imported stays as it was for as long as the process lives. The first version goes by its plain name,
 * so that it is the one others import too; a config that was changed since then is loaded beside it.
 */
async function versionOf(module: string): Promise<string> {
  const hash = createHash('sha256')
    .update(await readFile(module))
    .digest('hex')
    .slice(0, 12);
  const first = imported.get(module) ?? hash;
  imported.set(module, first);
  return hash === first ? '' : hash;
}

async function readJson(file: string, root: string): Promise<unknown> {
  try {
    const bytes = await readFile(file);
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    // JSON.parse does not always say where; the bundler, which reads JSON as well, does.
    const problems = error instanceof SyntaxError ? await syntaxProblems(file, root) : [];
    throw unreadable(file, problems.length > 0 ? problems : [(error as Error).message], error);
  }
}

function unreadable(file: string, problems: readonly string[], cause?: unknown): ThrunError {
  const text = problems.length === 1 ? problems[0] : problems.map((problem) => `\n  ${problem}`).join('');
  return new ThrunError('THRUN_CONFIG_UNREADABLE', [file, text], cause === undefined ? undefined : { cause });
}
