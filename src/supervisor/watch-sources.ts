import { dirname, relative, resolve } from 'node:path';
import { watch } from 'chokidar';
import type { ResolvedConfig } from '../config/resolved-config.js';

/** Editors write a file in several steps, and several files at once: one reload for all of it. */
const SETTLE_MS = 100;

/**
 * Calls `onChange` with the changed files when a source of this project changes: what listeners import is rarely in
 * their own folder, so it is the whole project but what is installed, built or hidden.
 * @returns a function that ends it
 */
export function watchSources({ root, file }: ResolvedConfig, onChange: (files: string[]) => void): () => Promise<void> {
  const changed = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  const folder = file === undefined ? root : dirname(resolve(root, file));
  const watcher = watch(folder, {
    ignoreInitial: true,
    ignored: (path, stats) => isNoSource(relative(folder, path), stats?.isFile() === true),
  });
  watcher.on('all', (_event, path) => {
    changed.add(relative(folder, path));
    clearTimeout(timer);
    timer = setTimeout(() => {
      onChange([...changed].sort());
      changed.clear();
    }, SETTLE_MS);
  });
  return async () => {
    clearTimeout(timer);
    await watcher.close();
  };
}

function isNoSource(path: string, isFile: boolean): boolean {
  if (path === '') return false;
  const hidden = path.split('/').some((part) => part === 'node_modules' || part === 'dist' || part.startsWith('.'));
  return hidden || (isFile && !/\.(?:[cm]?[jt]s|json)$/.test(path));
}
