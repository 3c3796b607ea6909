import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CONFIG_FILES } from '../../config/find.js';
import { ThrunError } from '../../contracts/errors.js';
import { newPackageJson, withScripts } from './package-json.js';
import { CONFIG, GITIGNORE, JOB, LISTENER, TSCONFIG } from './templates.js';

export interface Made {
  /** Files that are new. */
  readonly created: readonly string[];
  /** Files that were there, and what was added to them. */
  readonly changed: readonly { readonly file: string; readonly added: readonly string[] }[];
  /** Files that were there and are as they were, with why where it is not plain. */
  readonly kept: readonly { readonly file: string; readonly why?: string }[];
}

/** Makes what a project lacks to run; what is there stays as it is. */
export async function makeProject(folder: string, version: string): Promise<Made> {
  await makeFolder(folder);
  const created: string[] = [];
  const kept: { file: string; why?: string }[] = [];
  const make = async (file: string, text: string) =>
    (await wasWritten(folder, file, text)) ? created.push(file) : kept.push({ file });

  // Of two configs the first in this order is used: a new one would take the place of theirs.
  const present = await readdir(folder);
  const config = CONFIG_FILES.find((name) => present.includes(name));
  if (config === undefined) await make('thrun.config.ts', CONFIG);
  else kept.push({ file: config });
  await make('listeners/order-created.ts', LISTENER);
  await make('listeners/create-payment.ts', JOB);
  await make('tsconfig.json', TSCONFIG);
  await make('.gitignore', GITIGNORE);

  const changed: { file: string; added: readonly string[] }[] = [];
  const file = 'package.json';
  if (await wasWritten(folder, file, newPackageJson(basename(resolve(folder)), version))) created.push(file);
  else {
    try {
      const text = await readFile(join(folder, file), 'utf8');
      const next = withScripts(text);
      if (next) {
        await writeFile(join(folder, file), next.text);
        changed.push({ file, added: next.added });
      } else kept.push({ file });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      kept.push({ file, why: `it cannot be read: ${error.message}` });
    }
  }
  return { created, changed, kept };
}

async function makeFolder(folder: string): Promise<void> {
  const there = await stat(folder).catch(() => undefined);
  if (there && !there.isDirectory()) throw new ThrunError('THRUN_INPUT', [`${folder} is a file. Name a folder.`]);
  await mkdir(folder, { recursive: true });
}

/** Never over a file that is there: asked of the file system itself, so that nothing can come in between. */
async function wasWritten(folder: string, file: string, text: string): Promise<boolean> {
  const path = join(folder, file);
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}
