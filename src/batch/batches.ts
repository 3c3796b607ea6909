import type { Clock } from '../contracts/clock.js';
import type { BatchProgress } from '../contracts/batch.js';
import type {
  Applied,
  BatchFilter,
  BatchRecord,
  BatchStore,
  JobRecord,
  NewJob,
  PruneFilter,
  Step,
} from '../contracts/batch-store.js';
import { ThrunError } from '../contracts/errors.js';
import type { Logger } from '../contracts/listener.js';
import type { EventInput, SendCall } from '../dispatch/dispatcher.js';
import { type Limits, newEventId } from '../envelope/index.js';
import { type Definable, DEFINITION } from './definition.js';
import { addedJobId } from './ids.js';
import { progressOf } from './lifecycle.js';
import { type BatchMembers, stagesOf } from './members.js';
import { jobsOf, type NewBatch, recordsOf } from './records.js';
import { Relay } from './relay.js';
import { StepQueue } from './step-queue.js';
import { Steps } from './steps.js';

export interface BatchesParts {
  readonly store: BatchStore;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly publish: (inputs: readonly EventInput[], send: SendCall) => Promise<unknown>;
}

/** Jobs that go to the store in one step. */
const LOT = 1000;

/** Makes batches and decides on them. One for each store and process. */
export class Batches {
  readonly store: BatchStore;
  readonly steps: Steps;
  readonly relay: Relay;
  readonly queue: StepQueue;
  readonly #clock: Clock;
  readonly #limits: Limits;

  constructor({ store, clock, logger, limits, publish }: BatchesParts) {
    this.store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.steps = new Steps(() => clock.now());
    this.queue = new StepQueue(store);
    this.relay = new Relay({ store, queue: this.queue, steps: this.steps, clock, logger, publish });
  }

  /** Makes the batch and starts it. Resolves to its id once it is in the store, and its first jobs are sent. */
  async send(batch: Definable): Promise<string> {
    const definition = batch[DEFINITION](this.#limits, 0);
    const id = newEventId();
    for (const one of recordsOf(definition, id, this.#clock.now())) await this.#store(one);
    return id;
  }

  /** @throws {ThrunError} THRUN_BATCH_UNKNOWN */
  async get(batchId: string): Promise<BatchRecord> {
    const batch = await this.store.get(batchId);
    if (!batch) throw new ThrunError('THRUN_BATCH_UNKNOWN', [JSON.stringify(batchId)]);
    return batch;
  }

  async progress(batchId: string): Promise<BatchProgress> {
    return progressOf(await this.get(batchId));
  }

  /** Newest first. Default: the outermost ones, a hundred of them. */
  list(filter: BatchFilter = {}, limit = 100): Promise<readonly BatchRecord[]> {
    return this.store.list(filter, limit);
  }

  /** In order; all of them, unless told otherwise. */
  async jobs(batchId: string, limit = Number.POSITIVE_INFINITY): Promise<readonly JobRecord[]> {
    const all: JobRecord[] = [];
    while (all.length < limit) {
      const more = await this.store.jobs(batchId, (all.at(-1)?.index ?? -1) + 1, Math.min(LOT, limit - all.length));
      if (more.length === 0) break;
      all.push(...more);
    }
    return all;
  }

  /**
   * What waits is cancelled now, running listeners get their AbortSignal.
   * @throws {ThrunError} THRUN_BATCH_UNKNOWN, THRUN_BATCH_STATE when it has ended
   */
  async cancel(batchId: string): Promise<BatchRecord> {
    const { accepted, batch } = await this.apply(this.steps.cancel(batchId));
    if (!accepted) throw new ThrunError('THRUN_BATCH_STATE', [batchId, `is ${batch.status} already`]);
    return batch;
  }

  /**
   * Failed and skipped jobs of a failed batch run again, as a new run.
   * @throws {ThrunError} THRUN_BATCH_UNKNOWN, THRUN_BATCH_STATE when it has not failed, is nested, or was never complete
   */
  async retry(batchId: string): Promise<BatchRecord> {
    const { accepted, batch } = await this.apply(this.steps.retry(batchId));
    if (!accepted) throw new ThrunError('THRUN_BATCH_STATE', [batchId, whyNoRetry(batch)]);
    return batch;
  }

  /** Adds jobs for the running job `adder`; the `call`th time it does so. Resolves to their ids. */
  async add(batchId: string, adder: string, call: number, members: BatchMembers): Promise<readonly string[]> {
    const { parallel } = await this.get(batchId);
    const stages = stagesOf(members, parallel, this.#limits);
    const { jobs, nested } = jobsOf(stages, batchId, this.#clock.now(), (index) =>
      addedJobId(batchId, adder, call, index),
    );
    for (const one of nested) await this.#store(one);
    const { accepted } = await this.apply(this.steps.add(batchId, adder, call, jobs, stages.length));
    if (!accepted) throw new ThrunError('THRUN_BATCH_STATE', [batchId, 'has ended, or this job of it does not run']);
    return jobs.map(({ id }) => id);
  }

  /** Deletes finished batches with their jobs. Resolves to how many, nested ones included. */
  prune(filter: PruneFilter): Promise<number> {
    return this.store.prune(filter);
  }

  /** One step, and the relaying that follows from it. @throws {ThrunError} THRUN_BATCH_UNKNOWN */
  async apply(step: Step): Promise<Applied> {
    const applied = await this.queue.apply(step);
    if (!applied) throw new ThrunError('THRUN_BATCH_UNKNOWN', [JSON.stringify(step.batchId)]);
    void this.relay.deliver(applied, step.relayUntil ?? 0);
    return applied;
  }

  async close(): Promise<void> {
    await this.relay.close();
    await this.store.close();
  }

  /** Created, filled, sealed: small ones in one go, large ones in lots. */
  async #store({ batch, jobs }: NewBatch): Promise<void> {
    const step = this.steps.seal(batch.id);
    const applied =
      jobs.length <= LOT ? await this.store.create(batch, jobs, step) : await this.#storeLarge(batch, jobs, step);
    if (!applied?.accepted) throw abandoned(batch.id);
    // Sent before anybody is told its id: a process that ends right after it leaves nothing to others.
    await this.relay.deliver(applied, step.relayUntil ?? 0);
  }

  async #storeLarge(batch: BatchRecord, jobs: readonly NewJob[], seal: Step): Promise<Applied | undefined> {
    await this.store.create({ ...batch, counts: { ...batch.counts, waiting: LOT } }, jobs.slice(0, LOT));
    for (let from = LOT; from < jobs.length; from += LOT) {
      const lot = jobs.slice(from, from + LOT);
      if (!(await this.store.fill(batch.id, lot, this.#clock.now()))) throw abandoned(batch.id);
    }
    return this.queue.apply(seal);
  }
}

function abandoned(batchId: string): ThrunError {
  return new ThrunError('THRUN_BATCH_STATE', [batchId, 'was given up: making it took too long. Nothing of it has run']);
}

function whyNoRetry({ status, finishedAt, sealed, parent }: BatchRecord): string {
  if (parent) return `is nested; retry the batch it is part of: ${parent.batchId}`;
  if (!sealed) return 'was never complete; make it anew';
  if (status === 'failed' && finishedAt === undefined)
    return 'has failed, but some of its jobs still run; wait for them';
  return `is ${status}; only a failed batch can be retried`;
}
