import type { BatchJobs } from '../contracts/batch.js';
import type { Clock } from '../contracts/clock.js';
import { ThrunError } from '../contracts/errors.js';
import type { Logger, Middleware } from '../contracts/listener.js';
import type { Consumer, Transport, TransportNotice } from '../contracts/transport.js';
import type { Limits } from '../envelope/index.js';
import type { Observer } from '../observability/observation.js';
import type { Listener } from '../registry/listener.js';
import type { Registry } from '../registry/registry.js';
import type { PublishFrom } from './context.js';
import { type ExecuteParts, execute } from './execute.js';
import { Lane } from './lane.js';
import { ListenerRunner } from './run-listener.js';
import { Slots } from './slots.js';

export interface WorkerOptions {
  readonly group: string;
  readonly queues: readonly string[];
  /** Listener runs at once. */
  readonly concurrency: number;
  /** Most deliveries held at once, for each queue; only quick listeners get that far ahead. */
  readonly prefetch: number;
  readonly visibilityMs: number;
  readonly drainMs: number;
  readonly maxCrashes: number;
  readonly blockedAfterMs: number;
  readonly unhandled: 'auto' | 'ack' | 'dead';
  readonly limits: Limits;
  readonly middleware: readonly Middleware[];
  /** The listeners this worker runs; default all. */
  readonly runs?: (listener: Listener) => boolean;
  /** How many of so many received deliveries may be run; the rest is handed back. Default all. */
  readonly admit?: (count: number) => number | Promise<number>;
}

export interface WorkerParts {
  readonly transport: Transport;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly observe: Observer;
  readonly publishFrom: PublishFrom;
  /** Where jobs of batches are counted. */
  readonly jobs: BatchJobs | undefined;
}

/** How busy a worker is, and whether it really consumes. */
export interface Activity {
  /** Listeners that run. */
  readonly active: number;
  /** Deliveries held, running ones included. */
  readonly held: number;
  /** Every lane's last look found nothing, nothing is held, and no batch is sending more. */
  readonly empty: boolean;
  /**
   * Longest time since a lane with room was answered by the transport, ms. An outage that the transport knows of is not
   * counted: it looks for its broker, and no other process would find it sooner.
   */
  readonly silentMs: number;
}

/** After the drain's time is up listeners have this long to heed their AbortSignal. */
const GRACE_MS = 500;

/** Consumes queues and runs listeners, in this process. Starts once, stops once; stopping twice is safe. */
export class Worker {
  readonly #options: WorkerOptions;
  readonly #parts: WorkerParts;
  readonly #slots: Slots;
  readonly #runner: ListenerRunner;
  readonly #lanes: { readonly lane: Lane; readonly consumer: Consumer; empty: boolean }[] = [];
  /** The transport says that it has lost its broker. */
  #outage = false;
  /** When it found it again, by `performance.now()`. */
  #foundAt = 0;
  #stopping: Promise<void> | undefined;
  #failed: (error: unknown) => void = () => undefined;
  /** Rejects when consuming has failed for good; never resolves. */
  readonly failure = new Promise<never>((_, reject) => {
    this.#failed = reject;
  });

  constructor(options: WorkerOptions, parts: WorkerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#slots = new Slots(options.concurrency);
    this.#runner = new ListenerRunner({
      ...parts,
      slots: this.#slots,
      middleware: options.middleware,
      blockedAfterMs: options.blockedAfterMs,
    });
    this.failure.catch(() => undefined);
  }

  get activity(): Activity {
    const lanes = this.#lanes;
    const now = performance.now();
    return {
      active: this.#slots.running,
      held: lanes.reduce((sum, { lane }) => sum + lane.held, 0),
      empty: lanes.every(({ lane, empty }) => empty && lane.held === 0) && this.#parts.jobs?.isSending !== true,
      silentMs: this.#outage ? 0 : Math.max(0, ...lanes.map(({ lane }) => silence(lane, now, this.#foundAt))),
    };
  }

  async start(): Promise<void> {
    const { group, queues, visibilityMs } = this.#options;
    const { transport } = this.#parts;
    await transport.open();
    for (const queue of queues) {
      this.#addLane(await transport.consume({ queue, group, visibilityMs, onNotice: this.#notice }));
    }
    for (const { lane } of this.#lanes) lane.start(this.#failed);
  }

  /** Stops receiving, lets what runs finish within the drain time, hands back the rest. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#runner.stop();
    const idle = Promise.all(this.#lanes.map(({ lane }) => lane.stop().then(() => lane.idle())));
    if (!(await this.#within(this.#options.drainMs, idle))) {
      this.#runner.abort(new ThrunError('THRUN_FAILED', ['the worker is stopping and its drain time is up']));
      await this.#within(GRACE_MS, idle);
    }
    await Promise.all(this.#lanes.map(({ consumer }) => consumer.close()));
  }

  #within(ms: number, work: Promise<unknown>): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), ms);
      void work.then(() => {
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #addLane(consumer: Consumer): void {
    const { admit = (count: number) => count, concurrency, prefetch } = this.#options;
    const parts = this.#executeParts();
    const { observe } = this.#parts;
    const queue = this.#options.queues[this.#lanes.length] ?? '';
    const entry = {
      consumer,
      empty: false,
      lane: new Lane({
        consumer,
        concurrency,
        prefetch,
        parked: () => this.#runner.parked,
        admit,
        execute: (delivery) => execute(delivery, parts),
        onReceived: (count) => observe({ kind: 'received', queue, count }),
        onEmpty: (empty) => {
          entry.empty = empty;
        },
      }),
    };
    this.#lanes.push(entry);
  }

  #executeParts(): ExecuteParts {
    const { transport, registry, clock, observe, jobs } = this.#parts;
    const { group, limits, maxCrashes, unhandled, runs = () => true } = this.#options;
    return {
      transport,
      registry,
      clock,
      observe,
      limits,
      maxCrashes,
      unhandled,
      runs,
      runner: this.#runner,
      jobs,
      group,
    };
  }

  readonly #notice = (notice: TransportNotice): void => {
    if (notice.kind === 'disconnected') this.#outage = true;
    if (notice.kind === 'reconnected') {
      this.#outage = false;
      this.#foundAt = performance.now();
    }
    if (notice.kind === 'lease_lost') {
      this.#runner.abort(
        new ThrunError('THRUN_FAILED', ['the lease of this delivery ran out; another worker has it']),
        notice.id,
      );
    }
    this.#parts.observe({ kind: 'transport', notice });
  };
}

function silence(lane: Lane, now: number, since: number): number {
  return lane.full ? 0 : now - Math.max(lane.lastAnswer, since);
}
