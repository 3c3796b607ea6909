import { createHash } from 'node:crypto';
import { access, mkdir, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

const DAY = 86_400_000;

interface OutputFile {
  readonly path: string;
  readonly contents: Uint8Array;
}

/**
 * Writes a build to `<folder>/<name>-<hash of its content>` and resolves to that path: of several files a folder (`outdir`
 * is what their paths start with), of one file that file. Processes may still run from an earlier build, and load more
 * of it later, so a build is never changed, and is only removed when the one after it has long taken over.
 */
export async function writeBuild(
  folder: string,
  name: string,
  files: readonly OutputFile[],
  outdir?: string,
): Promise<string> {
  const hash = createHash('sha256');
  for (const { path, contents } of [...files].sort((a, b) => (a.path < b.path ? -1 : 1)))
    hash.update(path).update('\0').update(contents);
  const target = join(folder, `${name}-${hash.digest('hex').slice(0, 12)}${outdir === undefined ? '.mjs' : ''}`);

  if (!(await touch(target))) {
    const draft = `${target}.${process.pid}.${Date.now()}`;
    await mkdir(folder, { recursive: true });
    for (const { path, contents } of files) {
      const file = outdir === undefined ? draft : join(draft, relative(outdir, path));
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, contents);
    }
    await rename(draft, target).catch(async (error: unknown) => {
      // Another process came first with the same content.
      await rm(draft, { recursive: true, force: true });
      if (!(await exists(target))) throw error;
    });
  }
  await prune(folder, name).catch(() => {
    // Tidying up is not what anybody came for.
  });
  return target;
}

/** Whether it is there. The time of a build is when it was last asked for, where that can be written: not in a read-only image. */
async function touch(path: string): Promise<boolean> {
  const now = new Date();
  return utimes(path, now, now).then(
    () => true,
    () => exists(path),
  );
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** A build goes when the one that followed it was in use a day ago: by then nobody runs from the earlier one. */
async function prune(folder: string, name: string): Promise<void> {
  const builds: { path: string; time: number }[] = [];
  for (const entry of await readdir(folder)) {
    const path = join(folder, entry);
    if (entry.startsWith(`${name}-`)) builds.push({ path, time: (await stat(path)).mtimeMs });
  }
  builds.sort((a, b) => a.time - b.time);
  for (const [index, { path }] of builds.entries()) {
    const successor = builds[index + 1];
    if (successor && successor.time < Date.now() - DAY) await rm(path, { recursive: true, force: true });
  }
}
