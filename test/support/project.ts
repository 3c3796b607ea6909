import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { ThrunError } from '../../src/contracts/errors.js';
import { REPOSITORY } from './build.js';

export type Files = Readonly<Record<string, string>>;

/** A project of its own with these files, and this package in its node_modules; gone after the test. */
export async function project(files: Files, { thrun = true, type = 'module' } = {}): Promise<string> {
  // The name tells the test runner to keep its module loader out of it.
  const root = await realpath(await mkdtemp(join(tmpdir(), 'thrun-project-')));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  await write(root, { 'package.json': JSON.stringify({ name: '@acme/shop', type }), ...files });
  if (thrun) {
    await mkdir(join(root, 'node_modules'), { recursive: true });
    await symlink(REPOSITORY, join(root, 'node_modules/thrun'), 'junction');
  }
  return root;
}

/** Adds and replaces files of a project. */
export async function write(root: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), text);
  }
}

/** Code and message of the error that `doing` has to end with; any other error than thrun's own is thrown on. */
export async function failure(doing: Promise<unknown>): Promise<Pick<ThrunError, 'code' | 'message'>> {
  const error = await doing.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof ThrunError)) throw error;
  return { code: error.code, message: error.message };
}
