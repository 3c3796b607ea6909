import { statSync } from 'node:fs';
import type { Database, Statement } from '../../sqlite/driver.js';

/** Pages given back at a time: about two milliseconds of work. */
const PAGES = 512;
/** Below this many free pages (1 MiB) the file is left as it is: they will be used again. */
const WORTH_IT = 256;
const LARGE_WAL = 4 * 2 ** 20;

/** Gives space back while there is nothing else to do: a little at each call, so that nothing waits for it. */
export class Tidier {
  readonly #database: Database;
  readonly #path: string;
  readonly #free: Statement;
  /** Pages were given back, but the file only gets shorter with the next checkpoint. */
  #shortened = false;

  constructor(database: Database, path: string) {
    this.#database = database;
    this.#path = path;
    this.#free = database.prepare('PRAGMA freelist_count');
  }

  /** Throws when the file is busy or cannot be written: then it is no time for tidying. */
  tidy(): void {
    const { freelist_count: free } = this.#free.get() as { freelist_count: number };
    if (free > WORTH_IT) {
      this.#database.exec(`PRAGMA incremental_vacuum(${PAGES})`);
      this.#shortened = true;
    } else if (this.#shortened || this.#walSize() > LARGE_WAL) {
      const { busy } = this.#database.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get() as { busy: number };
      if (busy === 0) this.#shortened = false;
    }
  }

  /**
   * Leaves everything in the file itself. SQLite does that when the last one closes it, but the packaged driver lets go of
   * it only when its statements are collected. Where others are at work it is theirs to do.
   */
  finish(): void {
    try {
      this.#database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch {
      // Busy, or a disk that cannot be written: the log beside the file is as good.
    }
  }

  #walSize(): number {
    return statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }
}
