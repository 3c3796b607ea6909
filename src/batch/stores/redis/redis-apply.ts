import type { Applied, BatchRecord, JobRecord, NewJob, Step } from '../../../contracts/batch-store.js';
import type { JobState } from '../../../contracts/batch.js';
import type { RedisScript } from '../../../redis/redis-script.js';
import { FIRST, Fold, type Snapshot } from './redis-fold.js';
import type { RedisIndex } from './redis-index.js';
import type { RedisServer } from './redis-server.js';
import { keysOf, scriptKeys } from './redis-store-keys.js';
import { digits, entryFrom, jobFrom, recordFrom } from './redis-store-rows.js';
import { load } from './redis-store-scripts.js';
import { write, type WriteReply, writeNew } from './redis-write-script.js';

interface Loaded {
  readonly snapshot: Snapshot;
  /** 0: there is no such batch yet. */
  readonly version: number;
}

interface Look extends Loaded {
  /** Read now; else it is as this store left it, and somebody may have written since. */
  readonly isFresh: boolean;
}

interface Lease {
  readonly until: number;
  readonly now: number;
}

/** How many times others were quicker before it pauses, and how long at the most, ms. */
const PATIENCE = 3;
const PAUSE_MS = 5;

/** Reads, decides, and writes if nobody was quicker; else again. One at a time for each batch. */
export class RedisApply {
  readonly #server: RedisServer;
  readonly #index: RedisIndex;
  readonly #turns = new Map<string, Promise<unknown>>();
  /** What this store wrote last to batches of which jobs run here: as long as nobody else writes, it need not be read again. */
  readonly #written = new Map<string, Loaded>();
  /** This store among all that write: by it a write whose answer was lost is known again. */
  readonly #name = crypto.randomUUID().slice(-12);
  #writes = 0;

  constructor(server: RedisServer, index: RedisIndex) {
    this.#server = server;
    this.#index = index;
  }

  /** Steps on one batch. */
  steps(batchId: string, steps: readonly Step[]): Promise<readonly (Applied | undefined)[]> {
    return this.#inTurn(batchId, async () => {
      const applied: (Applied | undefined)[] = [];
      for (let tries = 0; applied.length < steps.length; ) {
        const left = steps.slice(applied.length);
        const some = await this.#some(batchId, left);
        if (some) applied.push(...some);
        tries = some ? 0 : tries + 1;
        if (tries > PATIENCE) await pause();
      }
      return applied;
    });
  }

  /** Resolves to what `then` came to. */
  create(batch: BatchRecord, jobs: readonly NewJob[], then: Step | undefined): Promise<'exists' | Applied | undefined> {
    return this.#inTurn(batch.id, async () => {
      const fold = Fold.ofNew(batch, jobs, then?.nextIn ?? []);
      if (then) fold.take(then);
      const lease = leaseOf(then ? [then] : []);
      const entries = await this.#write(writeNew, batch.id, 0, fold.batch, fold.changes, lease);
      if (!entries) return 'exists';
      const [answer] = fold.answers;
      return answer && { ...answer, outbox: entries.map(entryFrom) };
    });
  }

  fill(batchId: string, jobs: readonly NewJob[], now: number): Promise<boolean> {
    return this.#inTurn(batchId, async () => {
      const ids = jobs.map(({ id }) => id);
      for (;;) {
        const loaded = await this.#load(batchId, [], ids);
        if (!loaded) return false;
        const { version, snapshot } = loaded;
        const { batch, jobs: known } = snapshot;
        if (batch.sealed || batch.status !== 'running') return false;
        const added = jobs.filter(({ id }) => !known.has(id));
        const fold = new Fold(snapshot);
        fold.add(added, FIRST, now);
        const counts = { ...batch.counts, waiting: batch.counts.waiting + added.length };
        const after = { ...batch, counts, updatedAt: now };
        if (await this.#write(writeNew, batchId, version, after, fold.changes, undefined)) return true;
      }
    });
  }

  /** As many of the steps as can be decided on from one look; undefined: somebody else was quicker. */
  async #some(batchId: string, steps: readonly Step[]): Promise<readonly (Applied | undefined)[] | undefined> {
    const ids = [...new Set(steps.flatMap(({ jobId }) => jobId ?? []))];
    const look = await this.#look(batchId, steps[0]?.nextIn ?? [], ids);
    if (!look) return steps.map(() => undefined);
    const { version, snapshot, isFresh } = look;
    const fold = new Fold(snapshot);
    const taken = steps.slice(0, takeUntil(steps, fold));
    // Only a write tells that it is still as it was left.
    if (!isFresh && (!fold.changed || taken.length < steps.length)) return undefined;
    const lease = leaseOf(taken);
    let entries: WriteReply = [];
    // What nobody has sent yet goes with a step that changes nothing, too.
    if (fold.changed || lease) {
      if (fold.changed && snapshot.batch.finishedAt !== undefined) await this.#noteAgain(batchId, fold.batch.updatedAt);
      const record = fold.changed ? fold.batch : undefined;
      entries = await this.#write(write, batchId, version, record, fold.changes, lease);
      if (!entries) return undefined;
      this.#remember(batchId, version + (record ? 1 : 0), fold);
    }
    const relaying = taken.findIndex(({ relayUntil }) => relayUntil !== undefined);
    const outbox = entries.map(entryFrom);
    return fold.answers.map((answer, i) => ({ ...answer, outbox: i === relaying ? outbox : [] }));
  }

  /** As it was left by the last write, if that tells of these jobs; else as it is, with what is known of others. */
  async #look(batchId: string, nextIn: readonly JobState[], ids: readonly string[]): Promise<Look | undefined> {
    const left = this.#written.get(batchId);
    this.#written.delete(batchId);
    if (left && ids.length > 0 && ids.every((id) => left.snapshot.jobs.has(id))) return { ...left, isFresh: false };
    const loaded = await this.#load(batchId, nextIn, ids);
    if (!loaded) return undefined;
    const { version, snapshot } = loaded;
    if (left?.version !== version) return { ...loaded, isFresh: true };
    return {
      version,
      snapshot: { ...snapshot, jobs: new Map([...left.snapshot.jobs, ...snapshot.jobs]) },
      isFresh: true,
    };
  }

  #remember(batchId: string, version: number, fold: Fold): void {
    const snapshot = fold.running();
    if (snapshot) this.#written.set(batchId, { version, snapshot });
  }

  async #load(batchId: string, nextIn: readonly JobState[], ids: readonly string[]): Promise<Loaded | undefined> {
    const keys = scriptKeys(batchId);
    const reply = await this.#server.run((client) => load.run(client, keys, [digits(nextIn), ...ids]));
    if (!reply) return undefined;
    const [version, record, next, ...found] = reply;
    const known = new Map<string, JobRecord>();
    for (const [i, job] of found.entries()) if (job) known.set(ids[i] as string, jobFrom(job));
    const [stage = 0, count = 0, from = 0, to = 0] = next ?? [];
    return {
      snapshot: {
        batch: recordFrom(record),
        jobs: known,
        nextIn,
        next: next ? { stage, count, from, to } : undefined,
      },
      version: Number(version.toString()),
    };
  }

  /** The outbox where the lease was taken; null: the version is another one. Written once, whatever becomes of the answer. */
  async #write(
    script: RedisScript<WriteReply>,
    batchId: string,
    version: number,
    record: BatchRecord | undefined,
    changes: Fold['changes'],
    lease: Lease | undefined,
  ): Promise<WriteReply> {
    const keys = scriptKeys(batchId);
    const number = String(++this.#writes);
    const text = record ? JSON.stringify(record) : '';
    const args = [version, version + 1, text, this.#name, number, lease?.until ?? '', lease?.now ?? 0, ...changes];
    return this.#server.run(async (client, again) => {
      if (again) {
        const { batch, outbox } = keysOf(batchId);
        const [written = null, relay = null] = await client.hmget(batch, `w:${this.#name}`, 'relay');
        if (written === number) {
          return lease && Number(relay) === lease.until ? client.zrangeBuffer(outbox, '0', '999') : [];
        }
      }
      if (version === 0 && record) await this.#noteNew(client, record);
      return script.run(client, keys, args);
    });
  }

  /** First: what is there and not noted would not be looked after. */
  #noteNew(client: Parameters<RedisIndex['note']>[0], { id, createdAt, parent }: BatchRecord): Promise<unknown> {
    const nested = parent && client.sadd(keysOf(parent.batchId).children, id);
    return Promise.all([this.#index.note(client, id, createdAt), nested]);
  }

  /** Before what had ended goes on: a finished batch may have been taken out of the index. */
  async #noteAgain(batchId: string, now: number): Promise<void> {
    await this.#server.run((client) => this.#index.note(client, batchId, now));
  }

  /** After whatever else this process has to do with the batch. */
  async #inTurn<Result>(batchId: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#turns.get(batchId);
    const turn = before ? before.then(work, work) : work();
    this.#turns.set(batchId, turn);
    try {
      return await turn;
    } finally {
      if (this.#turns.get(batchId) === turn) this.#turns.delete(batchId);
    }
  }
}

function takeUntil(steps: readonly Step[], fold: Fold): number {
  const stop = steps.findIndex((step) => !fold.take(step));
  return stop === -1 ? steps.length : stop;
}

/** The first that asks for it takes it for all. */
function leaseOf(steps: readonly Step[]): Lease | undefined {
  const asking = steps.find(({ relayUntil }) => relayUntil !== undefined);
  return asking?.relayUntil === undefined ? undefined : { until: asking.relayUntil, now: asking.now };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS));
}
