import type { BatchRecord, PruneFilter } from '../../../contracts/batch-store.js';
import type { RedisIndex } from './redis-index.js';
import type { RedisServer } from './redis-server.js';
import { keysOf } from './redis-store-keys.js';
import { recordFrom } from './redis-store-rows.js';
import { drop } from './redis-store-scripts.js';

const LOT = 200;

interface Found {
  readonly version: string;
  readonly record: BatchRecord;
}

/** Deletes what nobody needs any more; see the port. Batch by batch, each in one step. */
export class RedisPrune {
  readonly #server: RedisServer;
  readonly #index: RedisIndex;

  constructor(server: RedisServer, index: RedisIndex) {
    this.#server = server;
    this.#index = index;
  }

  /** What finished before was made before. */
  async prune(filter: PruneFilter): Promise<number> {
    let pruned = 0;
    for (let kept = 0; ; ) {
      const ids = await this.#index.madeBefore(filter.finishedBefore, kept, LOT);
      if (ids.length === 0) return pruned;
      const gone: string[] = [];
      for (const id of ids) {
        // With the one it is nested in.
        if (gone.includes(id)) continue;
        gone.push(...(await this.#pruneOne(id, filter)));
      }
      pruned += gone.length;
      kept += ids.length - gone.filter((id) => ids.includes(id)).length;
    }
  }

  /** @returns the ids of what is gone */
  async #pruneOne(batchId: string, filter: PruneFilter): Promise<readonly string[]> {
    const found = await this.#find(batchId);
    if (!found) {
      // Its maker died before it was made, or whoever deleted it before it was forgotten.
      if (!(await this.#index.isAwaited(batchId))) await this.#index.forget([batchId]);
      return [];
    }
    return (await this.#isDue(found.record, filter)) ? this.#drop(batchId, found.version) : [];
  }

  async #isDue({ parent, finishedAt, updatedAt, status }: BatchRecord, filter: PruneFilter): Promise<boolean> {
    const { finishedBefore } = filter;
    // One whose outer batch was never made is nobody's.
    if (parent) return updatedAt < finishedBefore && (await this.#find(parent.batchId)) === undefined;
    const fits = filter.status === undefined || filter.status === status;
    return fits && finishedAt !== undefined && finishedAt < finishedBefore;
  }

  async #drop(batchId: string, version: string): Promise<readonly string[]> {
    const { children, outbox, batch, ...others } = keysOf(batchId);
    const nested = await this.#server.run((client) => client.smembers(children));
    const keys = [batch, outbox, children, ...Object.values(others)];
    const dropped = await this.#server.run((client) => drop.run(client, keys, [version]));
    if (dropped === 0) return [];
    const gone = [batchId];
    for (const child of nested) {
      const found = await this.#find(child);
      if (found) gone.push(...(await this.#drop(child, found.version)));
    }
    await this.#index.forget(gone);
    return gone;
  }

  async #find(batchId: string): Promise<Found | undefined> {
    const { batch } = keysOf(batchId);
    const [version, record] = await this.#server.run((client) => client.hmgetBuffer(batch, 'v', 'record'));
    return version && record ? { version: version.toString(), record: recordFrom(record) } : undefined;
  }
}
