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
import type { RedisOptions } from '../../../redis/redis-options.js';
import { RedisApply } from './redis-apply.js';
import { RedisIndex } from './redis-index.js';
import { RedisPrune } from './redis-prune.js';
import { RedisServer } from './redis-server.js';
import { INDEX, keysOf } from './redis-store-keys.js';
import { entriesFrom, jobFrom, recordFrom, runFrom } from './redis-store-rows.js';
import { page, runsOf, takeOutbox } from './redis-store-scripts.js';

export type RedisStoreOptions = RedisOptions;

/** Batches that are looked at in one go. */
const LOT = 200;

/** Batches in a Redis, shared by any number of processes and machines. As durable as the server makes it. */
export class RedisStore implements BatchStore {
  readonly name = 'redis';
  readonly #server: RedisServer;
  readonly #index: RedisIndex;
  readonly #apply: RedisApply;
  readonly #prune: RedisPrune;
  #used = false;

  constructor(options: RedisStoreOptions = {}) {
    this.#server = new RedisServer(options);
    this.#index = new RedisIndex(this.#server);
    this.#apply = new RedisApply(this.#server, this.#index);
    this.#prune = new RedisPrune(this.#server, this.#index);
  }

  async open(): Promise<void> {
    await this.#server.open();
  }

  async used(): Promise<boolean> {
    this.#used ||= (await this.#server.run((client) => client.exists(INDEX.format))) === 1;
    return this.#used;
  }

  async create(batch: BatchRecord, jobs: readonly NewJob[], then?: Step): Promise<Applied | undefined> {
    const created = await this.#apply.create(batch, jobs, then);
    if (created !== 'exists') return created;
    return then && (await this.#apply.steps(batch.id, [then]))[0];
  }

  fill(batchId: string, jobs: readonly NewJob[], now: number): Promise<boolean> {
    return this.#apply.fill(batchId, jobs, now);
  }

  /** Each batch for itself, all at the same time. */
  async apply(steps: readonly Step[]): Promise<readonly (Applied | undefined)[]> {
    const places = new Map<string, number[]>();
    for (const [i, { batchId }] of steps.entries()) {
      const mine = places.get(batchId);
      if (mine) mine.push(i);
      else places.set(batchId, [i]);
    }
    const answers: (Applied | undefined)[] = Array.from({ length: steps.length });
    const working: Promise<void>[] = [];
    for (const [batchId, mine] of places) {
      const answer = (applied: readonly (Applied | undefined)[]) => {
        for (const [at, i] of mine.entries()) answers[i] = applied[at];
      };
      const applied = this.#apply.steps(
        batchId,
        mine.map((i) => steps[i] as Step),
      );
      if (applied instanceof Promise) working.push(applied.then(answer));
      else answer(applied);
    }
    // None goes on behind the back of a caller who is told that it failed.
    const failed = (await Promise.allSettled(working)).find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    return answers;
  }

  async takeOutbox(batchId: string, until: number, now: number): Promise<readonly OutboxEntry[]> {
    await this.#apply.settled(batchId);
    const { batch, outbox } = keysOf(batchId);
    const entries = await this.#server.run((client, again) =>
      takeOutbox.run(client, [batch, outbox], [until, now, again ? '1' : '']),
    );
    return entriesFrom(entries);
  }

  sent(batchId: string, seq: number, held: number, until: number): Promise<readonly OutboxEntry[]> {
    return this.#apply.sent(batchId, seq, held, until);
  }

  async outbox(batchId: string): Promise<readonly OutboxEntry[]> {
    await this.#apply.settled(batchId);
    const entries = await this.#server.run((client) => client.zrangeBuffer(keysOf(batchId).outbox, '0', '999'));
    return entriesFrom(entries);
  }

  async get(batchId: string): Promise<BatchRecord | undefined> {
    return (await this.#records([batchId]))[0];
  }

  async statuses(batchIds: readonly string[]): Promise<readonly (BatchStatus | undefined)[]> {
    return (await this.#records(batchIds)).map((record) => record?.status);
  }

  async jobs(batchId: string, from: number, limit: number): Promise<readonly JobRecord[]> {
    await this.#apply.settled(batchId);
    const { states, times, jobs, ids, runs } = keysOf(batchId);
    const found = await this.#server.run((client) => page.run(client, [states, times, jobs, ids, runs], [from, limit]));
    return found.map(jobFrom);
  }

  async results(batchId: string, stage: number): Promise<readonly (string | undefined)[]> {
    await this.#apply.settled(batchId);
    const { states, stages, runs } = keysOf(batchId);
    const found = await this.#server.run((client) => runsOf.run(client, [states, stages, runs], [stage]));
    return found.map((run) => runFrom(run).result);
  }

  async list(filter: BatchFilter, limit: number): Promise<readonly BatchRecord[]> {
    await this.#apply.settled();
    const found: BatchRecord[] = [];
    for (let offset = 0; found.length < limit; offset += LOT) {
      const ids = await this.#index.newest(filter.since, offset, LOT);
      if (ids.length === 0) break;
      const records = await this.#records(ids);
      found.push(...records.flatMap((record) => (record && fits(record, filter) ? [record] : [])));
    }
    return found.slice(0, limit);
  }

  async overdue(times: OverdueTimes, limit: number): Promise<readonly Overdue[]> {
    await this.#apply.settled();
    return this.#index.overdue(times, limit);
  }

  async prune(filter: PruneFilter): Promise<number> {
    await this.#apply.settled();
    return this.#prune.prune(filter);
  }

  async close(): Promise<void> {
    await this.#apply.settled();
    await this.#server.close();
  }

  async #records(batchIds: readonly string[]): Promise<readonly (BatchRecord | undefined)[]> {
    await Promise.all(batchIds.map((id) => this.#apply.settled(id)));
    const records = await this.#server.run((client) =>
      Promise.all(batchIds.map((id) => client.hgetBuffer(keysOf(id).batch, 'record'))),
    );
    return records.map((record) => (record === null ? undefined : recordFrom(record)));
  }
}

function fits({ status, name, parent }: BatchRecord, filter: BatchFilter): boolean {
  if (filter.status !== undefined && filter.status !== status) return false;
  if (filter.name !== undefined && filter.name !== name) return false;
  return filter.nested === true || parent === undefined;
}
