import { ThrunError } from '../../contracts/errors.js';
import { type Database, isBusy } from './sqlite-driver.js';

/**
 * All writing of one process goes through here: whatever was asked for since the last commit is done in one
 * transaction (group commit), so an fsync or a lock is paid once for many messages.
 */
export class Writer {
  readonly #database: Database;
  readonly #durability: 'full' | 'normal';
  readonly #busyMs: number;
  readonly #onCommit: () => void;
  #waiting: Task[] = [];
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #synchronous: 'full' | 'normal';

  constructor(database: Database, options: { durability: 'full' | 'normal'; busyMs: number; onCommit: () => void }) {
    this.#database = database;
    this.#durability = options.durability;
    this.#synchronous = options.durability;
    this.#busyMs = options.busyMs;
    this.#onCommit = options.onCommit;
  }

  /**
   * Runs `work` in a transaction soon. It may be run again after a rollback, so it must not count on having been run once.
   * - `durable`: what is confirmed has survived what the options promise. Claims and acks do not need it: undone by a
   *   loss of power they mean one more delivery, which at-least-once allows.
   * - `lazy`: may wait up to two milliseconds for company.
   * - `patient`: waits for the lock for ever instead of failing with THRUN_TRANSPORT_BUSY.
   */
  run<Result>(work: () => Result, how: { durable?: boolean; lazy?: boolean; patient?: boolean } = {}): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      this.#waiting.push({
        work,
        durable: how.durable === true,
        deadline: how.patient ? Number.POSITIVE_INFINITY : performance.now() + this.#busyMs,
        resolve: resolve as (result: unknown) => void,
        reject,
      });
      if (!how.lazy) this.#immediate ??= setImmediate(this.#commit);
      else if (this.#immediate === undefined) this.#timer ??= setTimeout(this.#commit, LAZY_MS);
    });
  }

  readonly #commit = (): void => {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#timer = undefined;
    this.#immediate = undefined;
    const tasks = this.#waiting;
    this.#waiting = [];
    if (tasks.length === 0) return;
    try {
      this.#begin(tasks);
    } catch (error) {
      if (isBusy(error)) this.#tryAgain(tasks);
      else for (const task of tasks) task.reject(error);
      return;
    }
    this.#runAll(tasks);
  };

  #begin(tasks: readonly Task[]): void {
    const wanted = this.#durability === 'full' && tasks.some((task) => task.durable) ? 'full' : 'normal';
    if (wanted !== this.#synchronous) {
      this.#database.exec(wanted === 'full' ? 'PRAGMA synchronous = FULL' : 'PRAGMA synchronous = NORMAL');
      this.#synchronous = wanted;
    }
    this.#database.exec('BEGIN IMMEDIATE');
  }

  #runAll(tasks: readonly Task[]): void {
    const results: unknown[] = [];
    try {
      for (const task of tasks) results.push(task.work());
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#rollBack();
      this.#afterFailure(tasks, error);
      return;
    }
    for (const [i, task] of tasks.entries()) task.resolve(results[i]);
    this.#onCommit();
  }

  /** One task's fault is not the others': alone it fails, in company each is tried by itself. */
  #afterFailure(tasks: readonly Task[], error: unknown): void {
    if (isBusy(error)) return this.#tryAgain(tasks);
    if (tasks.length === 1) return tasks[0]?.reject(error);
    for (const task of tasks) {
      try {
        this.#begin([task]);
      } catch (cannotBegin) {
        task.reject(cannotBegin);
        continue;
      }
      this.#runAll([task]);
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec('ROLLBACK');
    } catch {
      // SQLite had rolled back by itself, as it does when the disk is full.
    }
  }

  /** Another process writes. A random pause, so that two that wait do not go on colliding, and neither starves. */
  #tryAgain(tasks: readonly Task[]): void {
    const now = performance.now();
    for (const task of tasks) {
      if (task.deadline > now) this.#waiting.push(task);
      else task.reject(new ThrunError('THRUN_TRANSPORT_BUSY', ['sqlite', this.#busyMs]));
    }
    if (this.#waiting.length > 0) this.#timer ??= setTimeout(this.#commit, 1 + Math.random() * 3);
  }
}

interface Task {
  readonly work: () => unknown;
  readonly durable: boolean;
  /** By `performance.now()`. */
  readonly deadline: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const LAZY_MS = 2;
