import { type FSWatcher, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Database, Statement } from '../../sqlite/driver.js';

/** Without file events (some containers and mounts have none) the file is looked at this often … */
const POLL_MS = 25;
/** … and where they were seen to work, this often, in case one is missed. */
const CHECK_MS = 1000;

/**
 * Tells when something may have changed in the file. Other processes' commits show as a write to the `-wal` file; one
 * cheap pragma tells those from our own. Our own are announced by {@link changed}.
 */
export class Waker {
  readonly #version: Statement;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #eventsWork = false;
  /** By `performance.now()`. */
  #lastEvent = Number.NEGATIVE_INFINITY;
  #seen = 0;
  #waiters = new Set<() => void>();
  /** Goes up with every change: a caller that looks, finds nothing and then waits cannot miss one in between. */
  generation = 0;

  constructor(database: Database, path: string) {
    this.#version = database.prepare('PRAGMA data_version');
    this.#seen = this.#read();
    const wal = `${basename(path)}-wal`;
    try {
      this.#watcher = watch(dirname(path), { persistent: false }, (_kind, file) => {
        if (file !== null && file !== wal) return;
        this.#eventsWork = true;
        this.#lastEvent = performance.now();
        if (this.#waiters.size === 0) return;
        this.#look();
        this.#arm();
      });
      this.#watcher.on('error', () => this.#stopWatching());
    } catch {
      // No file events here: polling does the same, a little later.
    }
  }

  /** Something changed: everyone who waits shall look. */
  changed(): void {
    this.generation++;
    const waiters = this.#waiters;
    this.#waiters = new Set();
    for (const wake of waiters) wake();
  }

  /** Resolves at the first change after `generation`, after `ms`, or when `signal` aborts. */
  wait(generation: number, ms: number, signal: AbortSignal | undefined): Promise<void> {
    this.#look();
    if (generation !== this.generation || signal?.aborted || ms <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', done);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1));
      signal?.addEventListener('abort', done, { once: true });
      this.#waiters.add(done);
      this.#arm();
    });
  }

  close(): void {
    this.#stopWatching();
    clearTimeout(this.#timer);
    this.changed();
  }

  #look(): void {
    const version = this.#read();
    if (version === this.#seen) return;
    this.#seen = version;
    this.changed();
  }

  #read(): number {
    try {
      return (this.#version.get() as { data_version: number }).data_version;
    } catch {
      return this.#seen;
    }
  }

  /**
   * The next look; only while somebody waits. A commit that is fsynced is written, and so told of, before it can be seen:
   * after an event the looks follow at growing distances.
   */
  #arm(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#waiters.size === 0) return;
    const sinceEvent = performance.now() - this.#lastEvent;
    const pause = this.#eventsWork ? Math.min(Math.max(sinceEvent, 1), CHECK_MS) : POLL_MS;
    this.#timer = setTimeout(() => {
      this.#look();
      this.#arm();
    }, pause).unref();
  }

  #stopWatching(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
    this.#eventsWork = false;
  }
}
