import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { BatchStatus } from '../../../contracts/batch.js';
import type {
  Applied,
  BatchFilter,
  BatchRecord,
  BatchStore,
  JobRecord,
  NewJob,
  OutboxEntry,
  Overdue,
  OverdueTimes,
  PruneFilter,
  Step,
} from '../../../contracts/batch-store.js';
import { ThrunError } from '../../../contracts/errors.js';
import { type Database, openDatabase } from '../../../sqlite/driver.js';
import { Writer } from '../../../sqlite/writer.js';
import { addJobs, applySteps, isLive, takeOutbox } from './sqlite-apply.js';
import { type BatchRow, entryFrom, type JobRow, jobFrom, type OutboxRow, recordFrom } from './sqlite-store-rows.js';
import { prepareStore } from './sqlite-store-schema.js';
import { prepareStoreStatements, type StoreStatements } from './sqlite-store-statements.js';

export interface SqliteStoreOptions {
  /** The database file, or `:memory:` for one process's own; its folder is made. Must be on a local disk. */
  readonly path: string;
  /** What a settled job has survived. `full` (default): a loss of power; `normal`: a killed process. */
  readonly durability?: 'full' | 'normal';
  /** How long a step waits for other processes' locks before it fails, ms. Default 10,000. */
  readonly busyMs?: number;
}

interface Connection {
  readonly database: Database;
  readonly statements: StoreStatements;
  readonly writer: Writer;
}

const FIRST = { state: 'waiting', index: 0, stage: 0 } as const;

/** Batches in one SQLite file, shared by any number of processes of one machine. */
export class SqliteStore implements BatchStore {
  readonly name = 'sqlite';
  readonly #options: SqliteStoreOptions;
  readonly #path: string;
  #opening: Promise<Connection> | undefined;
  #closed = false;

  constructor(options: SqliteStoreOptions) {
    this.#options = options;
    this.#path = options.path === ':memory:' ? options.path : resolve(options.path);
  }

  async open(): Promise<void> {
    await this.#connect();
  }

  async used(): Promise<boolean> {
    return this.#opening !== undefined || (this.#path !== ':memory:' && existsSync(this.#path));
  }

  create(batch: BatchRecord, jobs: readonly NewJob[], then?: Step): Promise<Applied | undefined> {
    return this.#write(({ database, statements }) => {
      const { id, name, status, parent, createdAt, updatedAt } = batch;
      const { changes, lastInsertRowid } = statements.addBatch.run(
        id,
        JSON.stringify(batch),
        name,
        status,
        parent?.batchId ?? null,
        isLive(batch),
        createdAt,
        updatedAt,
        null,
      );
      if (Number(changes) > 0) addJobs(statements, Number(lastInsertRowid), jobs, FIRST, updatedAt);
      return then && applySteps(database, statements, [then])[0];
    });
  }

  fill(batchId: string, jobs: readonly NewJob[], now: number): Promise<boolean> {
    return this.#write(({ statements }) => {
      const row = statements.batch.get(batchId) as BatchRow | undefined;
      const batch = row && recordFrom(row);
      if (!batch || batch.sealed || batch.status !== 'running') return false;
      const added = addJobs(statements, row.n, jobs, FIRST, now);
      const counts = { ...batch.counts, waiting: batch.counts.waiting + added };
      const record = JSON.stringify({ ...batch, counts, updatedAt: now });
      statements.saveBatch.run(record, batch.status, isLive(batch), now, null, row.n);
      return true;
    });
  }

  apply(steps: readonly Step[]): Promise<readonly (Applied | undefined)[]> {
    const durable = steps.some((step) => step.durable);
    return this.#write(({ database, statements }) => applySteps(database, statements, steps), durable);
  }

  takeOutbox(batchId: string, until: number, now: number): Promise<readonly OutboxEntry[]> {
    return this.#write(({ statements }) => takeOutbox(statements, batchId, until, now), false);
  }

  sent(batchId: string, seq: number, held: number, until: number): Promise<readonly OutboxEntry[]> {
    return this.#write(({ statements }) => {
      const row = statements.batch.get(batchId) as BatchRow | undefined;
      if (!row) return [];
      statements.dropOutbox.run(row.n, seq);
      if (row.relay_until !== held) return [];
      const left = (statements.outbox.all(row.n) as OutboxRow[]).map(entryFrom);
      statements.lease.run(left.length > 0 ? until : 0, row.n);
      return left;
    }, false);
  }

  outbox(batchId: string): Promise<readonly OutboxEntry[]> {
    return this.#read(batchId, [], ({ statements }, n) => (statements.outbox.all(n) as OutboxRow[]).map(entryFrom));
  }

  async get(batchId: string): Promise<BatchRecord | undefined> {
    const { statements } = await this.#connect();
    const row = statements.batch.get(batchId) as BatchRow | undefined;
    return row && recordFrom(row);
  }

  async statuses(batchIds: readonly string[]): Promise<readonly (BatchStatus | undefined)[]> {
    const { statements } = await this.#connect();
    return batchIds.map((id) => (statements.status.get(id) as { status: BatchStatus } | undefined)?.status);
  }

  jobs(batchId: string, from: number, limit: number): Promise<readonly JobRecord[]> {
    return this.#read(batchId, [], ({ statements }, n) =>
      (statements.jobs.all(n, from, limit) as JobRow[]).map(jobFrom),
    );
  }

  results(batchId: string, stage: number): Promise<readonly (string | undefined)[]> {
    return this.#read(batchId, [], ({ statements }, n) =>
      (statements.results.all(n, stage) as { result: string | null }[]).map(({ result }) => result ?? undefined),
    );
  }

  async list({ status, name, since, nested }: BatchFilter, limit: number): Promise<readonly BatchRecord[]> {
    const { database } = await this.#connect();
    const rows = database
      .prepare(
        `SELECT record FROM batch WHERE (?1 IS NULL OR status = ?1) AND (?2 IS NULL OR name = ?2)
         AND (?3 IS NULL OR created_at >= ?3) ${nested ? '' : 'AND parent IS NULL'} ORDER BY created_at DESC, n DESC LIMIT ?4`,
      )
      .all(status ?? null, name ?? null, since ?? null, limit);
    return (rows as BatchRow[]).map(recordFrom);
  }

  async overdue({ unsealed, outbox, idle, now }: OverdueTimes, limit: number): Promise<readonly Overdue[]> {
    const { statements } = await this.#connect();
    const ids = (rows: unknown[], why: Overdue['why']) =>
      (rows as { id: string }[]).map(({ id }) => ({ batchId: id, why }));
    return [
      ...ids(statements.overdueOutbox.all(outbox, now, limit), 'outbox'),
      ...ids(statements.overdueUnsealed.all(unsealed, limit), 'unsealed'),
      ...ids(statements.overdueIdle.all(idle, limit), 'idle'),
    ].slice(0, limit);
  }

  /** In small transactions: jobs go on meanwhile. */
  async prune({ finishedBefore, status }: PruneFilter): Promise<number> {
    for (let pruned = 0; ; ) {
      const more = await this.#write(({ statements }) => {
        const rows = [
          ...statements.prunable.all(finishedBefore, status ?? null),
          ...statements.orphans.all(finishedBefore),
        ] as Pruned[];
        return rows.reduce((sum, row) => sum + drop(statements, row), 0);
      }, false);
      if (more === 0) return pruned;
      pruned += more;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const connection = await this.#opening?.catch(() => undefined);
    this.#opening = undefined;
    await connection?.writer.close();
    connection?.database.close();
  }

  async #write<Result>(work: (connection: Connection) => Result, durable = true): Promise<Result> {
    const connection = await this.#connect();
    return connection.writer.run(() => work(connection), { durable });
  }

  async #read<Result>(
    batchId: string,
    otherwise: Result,
    work: (connection: Connection, n: number) => Result,
  ): Promise<Result> {
    const connection = await this.#connect();
    const row = connection.statements.batch.get(batchId) as BatchRow | undefined;
    return row ? work(connection, row.n) : otherwise;
  }

  #connect(): Promise<Connection> {
    if (this.#closed) return Promise.reject(new ThrunError('THRUN_STORE_UNAVAILABLE', ['sqlite', 'it is closed']));
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<Connection> {
    const { durability = 'full', busyMs = 10_000 } = this.#options;
    let database: Database | undefined;
    try {
      if (this.#path !== ':memory:') mkdirSync(dirname(this.#path), { recursive: true });
      if (statSync(this.#path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
      database = await openDatabase(this.#path);
      prepareStore(database, this.#path, durability);
      const explain = (error: unknown) => unavailable(this.#path, error);
      const quiet = { onCommit: () => undefined, onStuck: () => undefined };
      const writer = new Writer(database, { owner: 'store', durability, busyMs, explain, ...quiet });
      return { database, statements: prepareStoreStatements(database), writer };
    } catch (error) {
      database?.close();
      throw unavailable(this.#path, error);
    }
  }
}

interface Pruned {
  readonly n: number;
  readonly id: string;
}

function drop(statements: StoreStatements, { n, id }: Pruned): number {
  const nested = (statements.children.all(id) as Pruned[]).reduce((sum, child) => sum + drop(statements, child), 0);
  for (const statement of [statements.dropJobs, statements.dropBatchOutbox, statements.dropBatch]) statement.run(n);
  return nested + 1;
}

function unavailable(path: string, cause: unknown): ThrunError {
  if (cause instanceof ThrunError) return cause;
  return new ThrunError('THRUN_STORE_UNAVAILABLE', ['sqlite', `${path}: ${(cause as Error).message}`], { cause });
}
