import { realpathSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { ThrunError } from '../contracts/errors.js';

/** The first of them that a folder has is its config. */
export const CONFIG_FILES = ['ts', 'mts', 'cts', 'js', 'mjs', 'cjs', 'json'].map(
  (extension) => `thrun.config.${extension}`,
);

/** The config of the folder, or of the nearest folder above that has one. */
export function findConfig(cwd: string): string | undefined {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const found = CONFIG_FILES.map((name) => join(folder, name)).find(isFile);
    if (found !== undefined) return found;
    if (folder === dirname(folder)) return undefined;
  }
}

/** @throws {ThrunError} when the file somebody asked for by name cannot be a config. */
export function namedConfig(cwd: string, name: string): string {
  const file = resolve(cwd, name);
  if (isDirectory(file))
    throw new ThrunError('THRUN_CONFIG_UNREADABLE', [file, 'it is a directory; name the file in it.']);
  if (!/\.(?:[cm]?[tj]s|json)$/.test(file)) {
    throw new ThrunError('THRUN_CONFIG_UNREADABLE', [
      file,
      'a config is a .ts, .mts, .cts, .js, .mjs, .cjs or .json file.',
    ]);
  }
  return file;
}

/** Without symbolic links: Node names modules, and so the places in stack traces, by their real paths. */
export function realFolder(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return resolve(folder);
  }
}

function isDirectory(file: string): boolean {
  try {
    return statSync(file).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') throw new ThrunError('THRUN_CONFIG_NOT_FOUND', [file]);
    throw new ThrunError('THRUN_CONFIG_UNREADABLE', [file, (error as Error).message], { cause: error });
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
