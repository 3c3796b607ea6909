import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { relativePath } from '../config/position.js';

export interface FileHashes {
  /** Relative path → SHA-256 of the bytes. */
  readonly hashes: Readonly<Record<string, string>>;
  /** Relative path and why, of those that cannot be read. */
  readonly unreadable: readonly string[];
}

export async function hashFiles(files: Iterable<string>, root: string): Promise<FileHashes> {
  const hashes: Record<string, string> = {};
  const unreadable: string[] = [];
  for (const file of new Set(files)) {
    const path = relativePath(root, file);
    try {
      hashes[path] = createHash('sha256')
        .update(await readFile(file))
        .digest('hex');
    } catch (error) {
      unreadable.push(`${path}: it cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
    }
  }
  return { hashes, unreadable };
}
