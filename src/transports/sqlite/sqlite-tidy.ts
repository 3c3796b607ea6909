import { statSync } from 'node:fs';
import { type Database, isBusy } from './sqlite-driver.js';

/** Pages given back at a time: about two milliseconds of work. */
const PAGES = 512;
/** Below this many free pages (1 MiB) the file is left as it is: they will be used again. */
const WORTH_IT = 256;
const LARGE_WAL = 4 * 2 ** 20;

/** Gives space back while there is nothing else to do: a little at each call, so that nothing waits for it. */
export function tidy(database: Database, path: string): void {
  try {
    const { freelist_count: free } = database.prepare('PRAGMA freelist_count').get() as { freelist_count: number };
    if (free > WORTH_IT) database.exec(`PRAGMA incremental_vacuum(${PAGES})`);
    else if (walSize(path) > LARGE_WAL) database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  } catch (error) {
    // Someone else is busy with the file, so it is no time for tidying.
    if (!isBusy(error)) throw error;
  }
}

function walSize(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}
