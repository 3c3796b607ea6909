import { ThrunError } from '../../contracts/errors.js';
import { type Database, isBusy, sqliteCode } from '../../sqlite/driver.js';
import type { SqliteOptions } from './sqlite-options.js';
import { prepareDatabase } from './sqlite-schema.js';
import { prepareStatements, type Statements } from './sqlite-statements.js';
import { Tidier } from './sqlite-tidy.js';
import { Waker } from './sqlite-waker.js';
import { Writer } from '../../sqlite/writer.js';

/** An open file and what works on it. */
export interface Connection {
  readonly database: Database;
  /** The file's own id. */
  readonly store: string;
  readonly statements: Statements;
  readonly writer: Writer;
  readonly waker: Waker;
  readonly tidier: Tidier;
  /** Reads everything at one instant; waits while somebody recovers the file. */
  read<Result>(work: () => Result): Promise<Result>;
}

/** @param onStuck nothing could be written for long */
export function connect(database: Database, path: string, options: SqliteOptions, onStuck: () => void): Connection {
  const { durability = 'full', busyMs = 10_000 } = options;
  const store = prepareDatabase(database, path, durability);
  const waker = new Waker(database, path);
  const onCommit = () => waker.changed();
  const explain = (error: unknown) => unavailable(error, path);
  const writer = new Writer(database, { owner: 'transport', durability, busyMs, onCommit, onStuck, explain });
  const statements = prepareStatements(database);
  const tidier = new Tidier(database, path);
  const read = <Result>(work: () => Result) => readWhenFree(database, work, busyMs);
  return { database, store, statements, writer, waker, tidier, read };
}

/** SQLite's errors say what, but not where. Others are passed on. */
function unavailable(cause: unknown, path: string): unknown {
  if (cause instanceof ThrunError || !(cause instanceof Error) || sqliteCode(cause) === undefined) return cause;
  return new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', ['sqlite', `${path}: ${cause.message}`], { cause });
}

async function readWhenFree<Result>(database: Database, work: () => Result, busyMs: number): Promise<Result> {
  const giveUpAt = performance.now() + busyMs;
  for (;;) {
    try {
      database.exec('BEGIN');
      try {
        return work();
      } finally {
        database.exec('COMMIT');
      }
    } catch (error) {
      if (!isBusy(error) || performance.now() > giveUpAt) throw error;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}
