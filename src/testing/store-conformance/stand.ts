import assert from 'node:assert/strict';
import type { Applied, BatchRecord, BatchStore, NewJob, Step } from '../../contracts/batch-store.js';
import { batch } from './make.js';
import type { StoreSubject } from './options.js';

/** What a case is run against. Whatever it opens is closed afterwards, whether the case passed or not. */
export class Stand {
  readonly #subject: StoreSubject;
  readonly #opened: BatchStore[] = [];

  private constructor(subject: StoreSubject) {
    this.#subject = subject;
  }

  static async open(subject: StoreSubject): Promise<Stand> {
    const stand = new Stand(subject);
    stand.#opened.push(subject.store);
    await subject.store.open();
    return stand;
  }

  get store(): BatchStore {
    return this.#subject.store;
  }

  async another(): Promise<BatchStore> {
    const store = await this.notOpened();
    await store.open();
    return store;
  }

  async notOpened(): Promise<BatchStore> {
    const store = await this.#subject.another?.();
    assert.ok(store, 'there is no other view of this store');
    this.#opened.push(store);
    return store;
  }

  /** A sealed batch that runs, unless told otherwise. Resolves to its id. */
  async make(jobs: readonly NewJob[] = [], fields: Partial<BatchRecord> = {}): Promise<string> {
    const record = batch(jobs, fields);
    await this.store.create(record, jobs);
    return record.id;
  }

  /** One step, which must find its batch. */
  async apply(step: Step, on = this.store): Promise<Applied> {
    const [applied] = await on.apply([step]);
    assert.ok(applied, 'there is no such batch');
    return applied;
  }

  async get(batchId: string): Promise<BatchRecord> {
    const record = await this.store.get(batchId);
    assert.ok(record, 'there is no such batch');
    return record;
  }

  async close(): Promise<void> {
    try {
      for (const store of this.#opened.reverse()) await store.close();
    } finally {
      await this.#subject.destroy();
    }
  }
}
