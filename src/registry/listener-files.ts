import { resolve } from 'node:path';
import type { ResolvedConfig } from '../config/resolved-config.js';

export interface ListenerFiles {
  /** Absolute, sorted. */
  readonly files: readonly string[];
  /** Globs of the config that no file matches. */
  readonly unmatched: readonly string[];
}

/** Never listener files, whatever the globs say; nor is what cannot be imported: `listeners/**` may hold a README. */
const IGNORED = ['**/*.d.{ts,mts,cts}', '**/*.test.*', '**/node_modules/**'];

export async function findListenerFiles({
  root,
  listeners,
}: Pick<ResolvedConfig, 'root' | 'listeners'>): Promise<ListenerFiles> {
  const wanted = listeners.filter((pattern) => !pattern.startsWith('!'));
  const unwanted = listeners.filter((pattern) => pattern.startsWith('!')).map((pattern) => pattern.slice(1));
  if (wanted.length === 0) return { files: [], unmatched: [] };

  const { glob } = await import('glob');
  const options = { cwd: root, ignore: [...IGNORED, ...unwanted], nodir: true };
  const found = await Promise.all(wanted.map(async (pattern) => (await glob(pattern, options)).filter(isScript)));
  const files = new Set(found.flat().map((file) => resolve(root, file)));
  return {
    files: [...files].sort((a, b) => (a < b ? -1 : 1)),
    unmatched: wanted.filter((_, index) => found[index]?.length === 0),
  };
}

function isScript(file: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(file);
}
