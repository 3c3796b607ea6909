import type { Applied, BatchRecord, JobRecord, NewJob, OutboxEntry, Step } from '../../../contracts/batch-store.js';
import type { JobState } from '../../../contracts/batch.js';
import { FIRST, Fold, type Snapshot } from './redis-fold.js';
import type { RedisIndex } from './redis-index.js';
import { Delayed } from './redis-delayed.js';
import { type Copy, Seats } from './redis-seats.js';
import type { RedisServer } from './redis-server.js';
import { scriptKeys } from './redis-store-keys.js';
import { digits, entriesFrom, headFrom, nextFrom, recordFrom } from './redis-store-rows.js';
import { load } from './redis-store-scripts.js';
import { write, writeNew } from './redis-write-script.js';
import { type Lease, RedisWriter } from './redis-writer.js';

interface Loaded {
  readonly snapshot: Snapshot;
  readonly version: number;
}

interface Look {
  readonly copy: Copy;
  /** Read now; else it is as this store left it, and somebody may have written since. */
  readonly isFresh: boolean;
}

/** How many times others were quicker before it pauses, and how long at the most, ms. */
const PATIENCE = 3;
const PAUSE_MS = 5;

/**
 * Reads, decides, and writes if nobody was quicker; else again. One at a time for each batch. Batches that are at work here
 * are known, so that mostly nothing is read; and what need not be durable is written with what comes next.
 */
export class RedisApply {
  readonly #server: RedisServer;
  readonly #writer: RedisWriter;
  readonly #seats = new Seats();
  readonly #delayed: Delayed;

  constructor(server: RedisServer, index: RedisIndex) {
    this.#server = server;
    this.#writer = new RedisWriter(server, index);
    this.#delayed = new Delayed(server, (batchId) => this.#seats.inTurn(batchId, () => this.#steps(batchId, [])));
  }

  /** Steps on one batch. Answers at once where that may be. */
  steps(
    batchId: string,
    steps: readonly Step[],
  ): readonly (Applied | undefined)[] | Promise<readonly (Applied | undefined)[]> {
    return this.#atOnce(batchId, steps) ?? this.#seats.inTurn(batchId, () => this.#steps(batchId, steps));
  }

  /** Resolves to what `then` came to. */
  create(batch: BatchRecord, jobs: readonly NewJob[], then: Step | undefined): Promise<'exists' | Applied | undefined> {
    return this.#seats.inTurn(batch.id, async () => {
      const fold = Fold.ofNew(batch, jobs, then?.nextIn ?? []);
      if (then) fold.take(then);
      const lease = leaseOf(then ? [then] : []);
      const reply = await this.#writer.write(writeNew, batch.id, 0, fold.batch, fold.changes, { lease });
      if (!reply) return 'exists';
      fold.written();
      if (then) this.#seats.put(batch.id, { fold, version: 1, wasOver: fold.isOver });
      const [answer] = fold.answers();
      return answer && { ...answer, outbox: entriesFrom(reply[0]).map((entry) => withJobs(entry, jobs)) };
    });
  }

  fill(batchId: string, jobs: readonly NewJob[], now: number): Promise<boolean> {
    return this.#seats.inTurn(batchId, async () => {
      const ids = jobs.map(({ id }) => id);
      for (;;) {
        const loaded = await this.#load(batchId, [], ids);
        if (!loaded) return false;
        const { version, snapshot } = loaded;
        const { batch } = snapshot;
        if (batch.sealed || batch.status !== 'running') return false;
        const fold = new Fold(snapshot);
        const added = jobs.filter(({ id }) => !fold.knows(id));
        fold.add(added, FIRST, now);
        const counts = { ...batch.counts, waiting: batch.counts.waiting + added.length };
        const after = { ...batch, counts, updatedAt: now };
        if (await this.#writer.write(writeNew, batchId, version, after, fold.changes, {})) return true;
      }
    });
  }

  /**
   * Crosses off what a relay has sent: with the next step where one is likely to come, else at once.
   * Resolves to what came since.
   */
  sent(batchId: string, seq: number, held: number, until: number): Promise<readonly OutboxEntry[]> {
    const crossing = { seq, held, until };
    return this.#seats.isAtWork(batchId)
      ? this.#delayed.cross(batchId, crossing)
      : this.#delayed.crossNow(batchId, crossing);
  }

  /** Whoever reads now sees everything that was told. Of one batch, or of all. */
  async settled(batchId?: string): Promise<void> {
    await this.#delayed.flush(batchId);
  }

  async #steps(batchId: string, steps: readonly Step[]): Promise<readonly (Applied | undefined)[]> {
    const applied: (Applied | undefined)[] = [];
    for (let tries = 0; applied.length < steps.length || this.#mustWrite(batchId, steps); ) {
      const left = applied.length === 0 ? steps : steps.slice(applied.length);
      const some = await this.#some(batchId, left);
      if (some) applied.push(...some);
      tries = some ? 0 : tries + 1;
      if (tries > PATIENCE) await pause();
    }
    return applied;
  }

  /** Steps that may wait to be written, on a batch that is known and that nobody here is busy with. */
  #atOnce(batchId: string, steps: readonly Step[]): readonly Applied[] | undefined {
    if (this.#seats.isBusy(batchId) || !steps.every(({ durable }) => !durable)) return undefined;
    const copy = this.#seats.take(batchId);
    if (!copy) return undefined;
    if (steps.every(({ jobId }) => jobId !== undefined && copy.fold.knows(jobId))) {
      takeUntil(steps, copy.fold);
      const answers = copy.fold.answers();
      if (mayWait(steps, answers, copy.fold)) return this.#hold(batchId, copy, steps, answers);
      // What is not written of it is decided on anew.
      return undefined;
    }
    this.#seats.put(batchId, copy);
    return undefined;
  }

  #hold(batchId: string, copy: Copy, steps: readonly Step[], answers: ReturnType<Fold['answers']>): readonly Applied[] {
    this.#seats.put(batchId, copy);
    this.#delayed.hold(batchId, steps);
    return answers.map((answer) => ({ ...answer, outbox: [] }));
  }

  /** Called to write what was held back. */
  #mustWrite(batchId: string, steps: readonly Step[]): boolean {
    return steps.length === 0 && this.#delayed.steps(batchId).length > 0;
  }

  /** As many of the steps as can be decided on from one look; undefined: somebody else was quicker. */
  async #some(batchId: string, steps: readonly Step[]): Promise<readonly (Applied | undefined)[] | undefined> {
    const look = await this.#look(batchId, steps[0]?.nextIn ?? [], idsOf(steps));
    if (!look) return steps.map(() => undefined);
    const { copy, isFresh } = look;
    const { fold } = copy;
    const count = takeUntil(steps, fold);
    const taken = count === steps.length ? steps : steps.slice(0, count);
    const answers = fold.answers();
    if (mayWait(steps, answers, fold)) return this.#hold(batchId, copy, steps, answers);
    const lease = leaseOf(taken);
    if (!fold.changed && !lease) {
      // Only a write tells that it is still as it was left.
      if (!isFresh) return undefined;
      // Others were quicker, and what was held back comes to nothing.
      this.#delayed.written(batchId);
      this.#seats.put(batchId, copy);
      return answers.map((answer) => ({ ...answer, outbox: [] }));
    }
    // What nobody has sent yet goes with a step that changes nothing, too.
    const outbox = await this.#write(batchId, copy, steps, lease);
    if (!outbox) return undefined;
    const relaying = taken.findIndex(({ relayUntil }) => relayUntil !== undefined);
    return answers.map((answer, i) => ({ ...answer, outbox: i === relaying ? outbox : [] }));
  }

  /** @returns the outbox where its lease was taken; undefined: somebody else was quicker */
  async #write(
    batchId: string,
    copy: Copy,
    steps: readonly Step[],
    lease: Lease | undefined,
  ): Promise<readonly OutboxEntry[] | undefined> {
    const { fold, version, wasOver } = copy;
    const { nextIn = [] } = steps[0] ?? {};
    const nextDigits = fold.changed && fold.doubts(nextIn) ? digits(nextIn) : '';
    const record = fold.changed ? fold.batch : undefined;
    const crossing = lease && this.#delayed.takeCrossing(batchId);
    try {
      if (record && wasOver) await this.#writer.noteAgain(batchId, record.updatedAt);
      const options = { lease, crossing, nextDigits };
      const reply = await this.#writer.write(write, batchId, version, record, fold.changes, options);
      if (!reply) {
        crossing?.giveBack();
        return undefined;
      }
      const [entries, next, stages] = reply;
      crossing?.done();
      this.#delayed.written(batchId);
      fold.written();
      if (nextDigits !== '' && next !== undefined) fold.learnNext(nextFrom(next), nextIn);
      const outbox = entriesFrom(entries, stages);
      // Those that are up are likely to be begun here.
      for (const { stage } of outbox) if (stage) fold.learnJobs(stage.jobs);
      this.#seats.put(batchId, { fold, version: version + (record ? 1 : 0), wasOver: false });
      return outbox;
    } catch (error) {
      // A receipt that is not counted.
      this.#delayed.written(batchId);
      crossing?.giveBack();
      throw error;
    }
  }

  /** As it was left by the last write, if that tells of these jobs; else as it is, with what is known of others. */
  async #look(batchId: string, nextIn: readonly JobState[], ids: readonly string[]): Promise<Look | undefined> {
    const copy = this.#seats.take(batchId);
    if (copy) {
      const unknown = ids.filter((id) => !copy.fold.knows(id));
      if (unknown.length === 0 && (ids.length > 0 || copy.fold.changed)) return { copy, isFresh: false };
      const loaded = await this.#load(batchId, nextIn, unknown);
      if (loaded?.version === copy.version) {
        copy.fold.learn(loaded.snapshot);
        return { copy, isFresh: true };
      }
    }
    const held = this.#delayed.steps(batchId);
    const loaded = await this.#load(batchId, nextIn, held.length > 0 ? [...new Set([...ids, ...idsOf(held)])] : ids);
    if (!loaded) {
      this.#delayed.written(batchId);
      return undefined;
    }
    const { version, snapshot } = loaded;
    const fold = new Fold(snapshot);
    for (const step of held) fold.take(step);
    fold.answers();
    return { copy: { fold, version, wasOver: snapshot.batch.finishedAt !== undefined }, isFresh: true };
  }

  async #load(batchId: string, nextIn: readonly JobState[], ids: readonly string[]): Promise<Loaded | undefined> {
    const keys = scriptKeys(batchId);
    const reply = await this.#server.run((client) => load.run(client, keys, [digits(nextIn), ...ids]));
    if (!reply) return undefined;
    const [version, record, next, ...found] = reply;
    const jobs = found.flatMap((job) => (job ? headFrom(job) : []));
    return {
      snapshot: { batch: recordFrom(record), jobs, nextIn, next: nextFrom(next) },
      version: Number(version.toString()),
    };
  }
}

function takeUntil(steps: readonly Step[], fold: Fold): number {
  const stop = steps.findIndex((step) => !fold.take(step));
  return stop === -1 ? steps.length : stop;
}

/** A refusal must be sure; a permission that others were quicker than shows when it is written. */
function mayWait(steps: readonly Step[], answers: readonly { readonly accepted: boolean }[], fold: Fold): boolean {
  if (steps.length === 0 || answers.length < steps.length || !fold.mayWait) return false;
  return steps.every(({ durable }) => !durable) && answers.every(({ accepted }) => accepted);
}

function idsOf(steps: readonly Step[]): readonly string[] {
  return [...new Set(steps.flatMap(({ jobId }) => jobId ?? []))];
}

/** The first that asks for it takes it for all. */
function leaseOf(steps: readonly Step[]): Lease | undefined {
  const asking = steps.find(({ relayUntil }) => relayUntil !== undefined);
  return asking?.relayUntil === undefined ? undefined : { until: asking.relayUntil, now: asking.now };
}

/** Of a batch that has just been made: its jobs are those that it was made of. */
function withJobs(entry: OutboxEntry, jobs: readonly NewJob[]): OutboxEntry {
  const { out, at } = entry;
  if (out.kind !== 'jobs' || out.stage !== 0) return entry;
  const run = { state: 'queued', attempts: 0, adds: 0, changedAt: at } as const;
  const queued = jobs.slice(out.from, out.to + 1).map((job): JobRecord => Object.assign({}, job, run));
  return { ...entry, stage: { jobs: queued, results: [] } };
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.random() * PAUSE_MS));
}
