import { ThrunError } from '../contracts/errors.js';
import { type Database, isBusy } from './driver.js';

export interface WriterOptions {
  /** Whose file it is: an error says so. */
  readonly owner: 'transport' | 'store';
  readonly durability: 'full' | 'normal';
  /** How long a task waits for other processes' locks. */
  readonly busyMs: number;
  /** Something was written that others may wait for. */
  readonly onCommit: () => void;
  /** Nothing could be written for longer than `busyMs`; said once each time. */
  readonly onStuck: () => void;
  /** What a caller is told of a failure. */
  readonly explain: (error: unknown) => unknown;
}

export interface HowToWrite<Result = never> {
  /**
   * What is confirmed has survived what the options promise. Claims and acks do not need it: undone by a loss of power
   * they mean one more delivery, which at-least-once allows.
   */
  readonly durable?: boolean;
  /** May wait up to two milliseconds for company. */
  readonly lazy?: boolean;
  /** Nobody needs to look because of it. */
  readonly quiet?: boolean;
  /** Is called with the result as soon as it is committed, before anything else can run. Must not throw. */
  readonly committed?: (result: Result) => void;
  /** Waits for the lock for as long as this says, instead of failing with THRUN_TRANSPORT_BUSY (or THRUN_STORE_BUSY). */
  readonly keepTrying?: () => boolean;
}

const BUSY = { transport: 'THRUN_TRANSPORT_BUSY', store: 'THRUN_STORE_BUSY' } as const;
const CLOSED = {
  transport: () => new ThrunError('THRUN_TRANSPORT_CLOSED', ['sqlite']),
  store: () => new ThrunError('THRUN_STORE_UNAVAILABLE', ['sqlite', 'it is closed']),
};

const LAZY_MS = 2;
/** Publishes that need no fsync keep from the event loop for no longer than this in one go. */
const BURST_MS = 5;
/** A transaction ends after this long even if more waits: other processes want to write, and this one to go on. */
const LONG_MS = 20;

/**
 * All writing of one process goes through here: whatever was asked for since the last commit is done in one
 * transaction (group commit), so an fsync or a lock is paid once for many messages.
 */
export class Writer {
  readonly #database: Database;
  readonly #options: WriterOptions;
  #waiting: Task[] = [];
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  /** A commit follows in this very turn of the event loop. */
  #atOnce = false;
  /** By `performance.now()`, when a commit last had a turn of the event loop of its own. */
  #turnAt = Number.NEGATIVE_INFINITY;
  #synchronous: 'full' | 'normal';
  /** By `performance.now()`, since when every attempt found the file locked. */
  #stuckSince: number | undefined;
  #saidStuck = false;
  #closed = false;

  constructor(database: Database, options: WriterOptions) {
    this.#database = database;
    this.#options = options;
    this.#synchronous = options.durability;
  }

  /**
   * Runs `work` in a transaction soon, in the order of the calls. It may be run again after a rollback, so whatever it
   * does besides writing must bear that.
   */
  run<Result>(work: () => Result, how: HowToWrite<Result> = {}): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      if (this.#closed) return reject(CLOSED[this.#options.owner]());
      const now = performance.now();
      const deadline = now + this.#options.busyMs;
      this.#waiting.push({ work, how, deadline, resolve: resolve as (result: unknown) => void, reject });
      this.#schedule(how, now);
    });
  }

  /**
   * A turn of the event loop brings together what comes from many callers. It is worth an fsync, but costs a publish that
   * needs none a third of its time: that one only waits for the end of what runs, and now and then for a turn all the
   * same, so that a caller who publishes without end does not keep everything else from running.
   */
  #schedule({ durable, lazy }: HowToWrite, now: number): void {
    if (this.#atOnce || this.#immediate !== undefined) return;
    if (lazy) this.#timer ??= setTimeout(this.#commit, LAZY_MS);
    else if (durable && this.#options.durability === 'normal' && now - this.#turnAt < BURST_MS) {
      this.#atOnce = true;
      queueMicrotask(this.#commit);
    } else this.#immediate = setImmediate(this.#commitInTurn);
  }

  /** What would wait for company is written at the next turn of the event loop. */
  hurry(): void {
    if (this.#waiting.length > 0) this.#schedule({}, performance.now());
  }

  /** Resolves when all that was asked for is written, or has failed. Nothing more is taken. */
  async close(): Promise<void> {
    if (this.#waiting.length > 0) await this.run(() => undefined).catch(() => undefined);
    this.#closed = true;
  }

  readonly #commitInTurn = (): void => {
    this.#turnAt = performance.now();
    this.#commit();
  };

  readonly #commit = (): void => {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
    this.#atOnce = false;
    const tasks = this.#waiting;
    this.#waiting = [];
    if (tasks.length > 0) this.#writeGroups([tasks]);
    if (this.#waiting.length > 0 && this.#timer === undefined) this.#immediate ??= setImmediate(this.#commitInTurn);
  };

  /**
   * Each group in a transaction of its own. One task's fault is not the others': a group that fails is halved until
   * the task at fault stands alone.
   */
  #writeGroups(groups: Task[][]): void {
    const startedAt = performance.now();
    for (let group = groups.shift(); group; group = groups.shift()) {
      const { written, failure } = this.#write(group);
      if (failure && isBusy(failure.error)) return this.#tryAgain([...group, ...groups.flat()]);
      const [only] = group;
      if (failure && only && group.length === 1) only.reject(this.#options.explain(failure.error));
      else if (failure) groups.unshift(group.slice(0, group.length / 2), group.slice(group.length / 2));
      else if (written < group.length) groups.unshift(group.slice(written));
      if (performance.now() - startedAt > LONG_MS) break;
    }
    if (groups.length > 0) this.#waiting = [...groups.flat(), ...this.#waiting];
  }

  /** One transaction. @returns how many tasks there was time for, or why none of them is done */
  #write(group: readonly Task[]): { readonly written: number; readonly failure?: { readonly error: unknown } } {
    const results: unknown[] = [];
    try {
      this.#begin(group);
      const endAt = performance.now() + LONG_MS;
      for (const { work } of group) {
        results.push(work());
        if (performance.now() > endAt) break;
      }
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      return { written: 0, failure: { error } };
    }
    this.#stuckSince = undefined;
    this.#saidStuck = false;
    let loud = false;
    for (const [i, result] of results.entries()) {
      const { how, resolve } = group[i] as Task;
      how.committed?.(result as never);
      resolve(result);
      loud ||= how.quiet !== true;
    }
    if (loud) this.#options.onCommit();
    return { written: results.length };
  }

  #begin(tasks: readonly Task[]): void {
    const wanted = this.#options.durability === 'full' && tasks.some(({ how }) => how.durable) ? 'full' : 'normal';
    if (wanted !== this.#synchronous) {
      this.#database.exec(wanted === 'full' ? 'PRAGMA synchronous = FULL' : 'PRAGMA synchronous = NORMAL');
      this.#synchronous = wanted;
    }
    this.#database.exec('BEGIN IMMEDIATE');
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // None was begun, or SQLite had rolled back by itself, as it does when the disk is full.
    }
  }

  /** Another process writes. A random pause, so that two that wait do not go on colliding, and neither starves. */
  #tryAgain(tasks: readonly Task[]): void {
    const now = performance.now();
    const still: Task[] = [];
    for (const task of tasks) {
      if (task.deadline > now || task.how.keepTrying?.()) still.push(task);
      else task.reject(new ThrunError(BUSY[this.#options.owner], ['sqlite', this.#options.busyMs]));
    }
    this.#waiting = [...still, ...this.#waiting];
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(this.#commit, 1 + Math.random() * 3);
    this.#stuckSince ??= now;
    if (this.#saidStuck || now - this.#stuckSince < this.#options.busyMs) return;
    this.#saidStuck = true;
    this.#options.onStuck();
  }
}

interface Task {
  readonly work: () => unknown;
  readonly how: HowToWrite;
  /** By `performance.now()`. */
  readonly deadline: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}
