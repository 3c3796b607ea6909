import type { BatchJobs } from '../contracts/batch.js';
import type { BatchStore } from '../contracts/batch-store.js';
import type { Clock } from '../contracts/clock.js';
import { ThrunError } from '../contracts/errors.js';
import type { Logger } from '../contracts/listener.js';
import type { EventInput, SendCall } from '../dispatch/dispatcher.js';
import type { Limits } from '../envelope/index.js';
import { Batches } from './batches.js';
import { JobReporter } from './job-reporter.js';
import { Sweeper } from './sweeper.js';

export interface BatchServiceParts {
  /** Undefined: nobody has said where batches are kept, so none were ever made. */
  readonly store: (() => Promise<BatchStore>) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: Limits;
  readonly publish: (inputs: readonly EventInput[], send: SendCall) => Promise<unknown>;
  readonly stalledAfterMs: number;
  /** How long finished batches are kept, ms; undefined: for ever. */
  readonly keepMs: number | undefined;
}

/** Everything of batches in one process. Nothing is opened before a batch is made, looked at, or a job of one comes. */
export class BatchService {
  readonly #parts: BatchServiceParts;
  readonly #reporter: JobReporter;
  readonly #sweeper: Sweeper;
  #opening: Promise<Batches> | undefined;
  #batches: Batches | undefined;
  #store: Promise<BatchStore> | undefined;

  constructor(parts: BatchServiceParts) {
    this.#parts = parts;
    const { clock, logger, stalledAfterMs, keepMs } = parts;
    const batches = () => this.open();
    const isSending = () => this.#sweeper.isLooking || this.#batches?.relay.isSending === true;
    this.#reporter = new JobReporter({ batches, isSending, clock, logger });
    this.#sweeper = new Sweeper({ batches, used: () => this.used(), clock, logger, stalledAfterMs, keepMs });
  }

  /** For workers; undefined without a store: then a job of somebody's batch is a job like any other. */
  get jobs(): BatchJobs | undefined {
    return this.#parts.store && this.#reporter;
  }

  get sweeper(): Sweeper {
    return this.#sweeper;
  }

  /** The store, open. One that could not be reached is tried anew by the next caller. */
  open(): Promise<Batches> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /** Batches were ever made in the store. Opens nothing. */
  async used(): Promise<boolean> {
    return this.#parts.store !== undefined && (await this.#loadStore()).used();
  }

  /** Resolves when nothing waits to be sent by this process. */
  async idle(): Promise<void> {
    await (await this.#opening?.catch(() => undefined))?.relay.idle();
  }

  /** What is being sent is sent; a store that is away is waited for no longer. */
  async close(): Promise<void> {
    this.#reporter.close();
    await this.#sweeper.stop();
    await (await this.#opening?.catch(() => undefined))?.close();
  }

  async #open(): Promise<Batches> {
    const store = await this.#loadStore();
    await store.open();
    const { clock, logger, limits, publish } = this.#parts;
    this.#batches = new Batches({ store, clock, logger, limits, publish });
    return this.#batches;
  }

  #loadStore(): Promise<BatchStore> {
    const { store } = this.#parts;
    if (!store) return Promise.reject(new ThrunError('THRUN_BATCH_STORE'));
    this.#store ??= store();
    return this.#store;
  }
}
