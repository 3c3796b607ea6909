import type { BatchRecord } from '../../../contracts/batch-store.js';
import type { Argument } from '../../../redis/redis-script.js';
import type { TogetherScript } from '../../../redis/redis-together.js';
import type { Crossing } from './redis-delayed.js';
import type { RedisIndex } from './redis-index.js';
import type { RedisServer } from './redis-server.js';
import { keysOf, scriptKeys } from './redis-store-keys.js';
import type { WriteReply } from './redis-write-script.js';

export interface Lease {
  readonly until: number;
  readonly now: number;
}

export interface WriteOptions {
  /** Of the outbox, taken with it. */
  readonly lease?: Lease | undefined;
  /** What was sent under a lease that is given back for it. */
  readonly crossing?: Crossing | undefined;
  /** Of the states whose first stage is wanted. */
  readonly nextDigits?: string;
}

/** Writes once what was decided, whatever becomes of the answer. */
export class RedisWriter {
  readonly #server: RedisServer;
  readonly #index: RedisIndex;
  /** This store among all that write: by it a write whose answer was lost is known again. */
  readonly #name = crypto.randomUUID().slice(-12);
  #writes = 0;

  constructor(server: RedisServer, index: RedisIndex) {
    this.#server = server;
    this.#index = index;
  }

  /** @returns null: the version is another one */
  async write(
    script: TogetherScript<WriteReply | null>,
    batchId: string,
    version: number,
    record: BatchRecord | undefined,
    changes: readonly Argument[],
    { lease, crossing, nextDigits = '' }: WriteOptions,
  ): Promise<WriteReply | null> {
    const number = String(++this.#writes);
    const text = record ? JSON.stringify(record) : '';
    const args = [
      ...[version, version + 1, text, this.#name, number, lease?.until ?? '', lease?.now ?? 0],
      ...[crossing?.seq ?? '', crossing?.held ?? '', nextDigits],
      ...packed(changes),
    ];
    return this.#server.run(async (client, again) => {
      if (again) {
        const { batch, outbox } = keysOf(batchId);
        const [written = null, relay = null] = await client.hmget(batch, `w:${this.#name}`, 'relay');
        if (written === number) {
          const isMine = lease && Number(relay) === lease.until;
          // What comes next may be another's doing by now: it is not known.
          return [isMine ? await client.zrangeBuffer(outbox, '0', '999') : [], undefined, []];
        }
      }
      if (version === 0 && record) await this.#noteNew(client, record);
      return script.run(client, scriptKeys(batchId), args);
    });
  }

  /** Before what had ended goes on: a finished batch may have been taken out of the index. */
  async noteAgain(batchId: string, now: number): Promise<void> {
    await this.#server.run((client) => this.#index.note(client, batchId, now));
  }

  /** First: what is there and not noted would not be looked after. */
  #noteNew(client: Parameters<RedisIndex['note']>[0], { id, createdAt, parent }: BatchRecord): Promise<unknown> {
    const nested = parent && client.sadd(keysOf(parent.batchId).children, id);
    return Promise.all([this.#index.note(client, id, createdAt), nested]);
  }
}

/** As one argument, where none is made of bytes: a client and a socket take one long text in a fraction of the time of many short ones. */
function packed(changes: readonly Argument[]): readonly Argument[] {
  return changes.some((change) => typeof change === 'object') ? ['', ...changes] : [JSON.stringify(changes)];
}
