import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

/** The repository: the package `thrun` as a project's node_modules sees it. */
export const REPOSITORY = resolve(import.meta.dirname, '../..');

export const THRUN = join(REPOSITORY, 'bin', 'thrun.js');

/**
 * Compiles src/ into dist/, which is what listeners get when they import `thrun`. Built beside it and moved over file by
 * file, only where something changed: another test run may be reading dist/ just now.
 */
export async function buildPackage(): Promise<void> {
  const draft = join(REPOSITORY, `.dist-${process.pid}`);
  const dist = join(REPOSITORY, 'dist');
  try {
    const typescript = join(REPOSITORY, 'node_modules/typescript/bin/tsc');
    const compile = promisify(execFile)(
      process.execPath,
      [typescript, '-p', 'tsconfig.build.json', '--outDir', draft],
      { cwd: REPOSITORY },
    );
    // Type errors are for the type check to report; the JavaScript is written all the same.
    const output = await compile.then(
      () => '',
      (error: Error & { readonly stdout?: string }) => error.stdout ?? error.message,
    );
    const built = await filesIn(draft);
    if (!built.includes('index.js')) throw new Error(`src/ does not compile:\n${output}`);
    for (const file of built) await replace(join(draft, file), join(dist, file));
    for (const file of await filesIn(dist)) if (!built.includes(file)) await rm(join(dist, file), { force: true });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function replace(from: string, to: string): Promise<void> {
  const [now, before] = await Promise.all([readFile(from), readFile(to).catch(() => undefined)]);
  if (before?.equals(now)) return;
  await mkdir(dirname(to), { recursive: true });
  await rename(from, to);
}

async function filesIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
}
