import { performance } from 'node:perf_hooks';
import type { Delivery } from '../contracts/delivery.js';
import type { Consumer } from '../contracts/transport.js';

export interface LaneParts {
  readonly consumer: Consumer;
  /** Deliveries that run at once. */
  readonly concurrency: number;
  /** Most deliveries held at once: running, and waiting to run. */
  readonly prefetch: number;
  /** A look that finds nothing ends after this long, so that emptiness is noticed; nothing is polled meanwhile. */
  readonly lookMs: number;
  /** Deliveries that wait for their own listener's limit: they are no reason not to feed the others. */
  readonly parked: () => number;
  /** Runs one delivery to its settlement. Never throws. */
  readonly execute: (delivery: Delivery) => Promise<void>;
  /** How many of a received batch may be run; the rest is handed back. */
  readonly admit: (count: number) => number | Promise<number>;
  readonly onReceived: (count: number) => void;
  /** Called after each look that found nothing, and once more when something came after that. */
  readonly onEmpty: (empty: boolean) => void;
}

/** Beyond what runs, a lane holds what it will run within this time … */
const AHEAD_MS = 20;
/** … by its pace of late: the weight of the newest measure. */
const NEWEST = 0.3;

/**
 * Receives from one queue and keeps the worker supplied. Quick listeners are fed in large batches; before slow ones
 * hardly anything waits, so that it stays with the transport for a worker that is free.
 */
export class Lane {
  readonly #parts: LaneParts;
  readonly #stop = new AbortController();
  readonly #idle: (() => void)[] = [];
  /** Received, and waiting for others to end: here and not for a slot, where each would cost a promise. */
  #waiting: Delivery[] = [];
  /** The first of them. */
  #next = 0;
  #running = 0;
  #held = 0;
  /** Deliveries done a millisecond, of late. */
  #pace = 0;
  #done = 0;
  #measuredAt = performance.now();
  #roomAgain: (() => void) | undefined;
  #loop: Promise<void> | undefined;
  /** When it last asked the transport and got an answer, by `performance.now()`: a lane that hangs is seen by its age. */
  lastAnswer = performance.now();

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  get held(): number {
    return this.#held;
  }

  /** It asks for more when half of what it holds beyond what runs is done: no slot is to stand free meanwhile. */
  get full(): boolean {
    const { concurrency } = this.#parts;
    return this.#held >= (concurrency + this.#allowance) / 2;
  }

  get #allowance(): number {
    const { concurrency, prefetch, parked } = this.#parts;
    return Math.min(prefetch, concurrency + parked() + Math.floor(this.#pace * AHEAD_MS));
  }

  /** Half of what it may hold at a time: one half is on its way while the other runs. */
  get #room(): number {
    const { concurrency } = this.#parts;
    const allowance = this.#allowance;
    return Math.max(1, Math.min(allowance - this.#held, Math.max(concurrency, Math.ceil(allowance / 2))));
  }

  start(onFailure: (error: unknown) => void): void {
    this.#loop ??= this.#receive().catch(onFailure);
  }

  /** Stops receiving. What is held runs on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#roomAgain?.();
    await this.#loop;
    this.#feed();
  }

  /** Resolves when nothing is held any more. */
  idle(): Promise<void> {
    return this.#held === 0 ? Promise.resolve() : new Promise((resolve) => this.#idle.push(resolve));
  }

  async #receive(): Promise<void> {
    const { consumer, admit, lookMs, onEmpty, onReceived } = this.#parts;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#measure();
      if (this.full) await this.#emptied();
      const batch = await consumer.next(this.#room, { signal, waitMs: lookMs });
      this.lastAnswer = performance.now();
      onEmpty(batch.length === 0);
      if (batch.length === 0) continue;
      const admitted = await admit(batch.length);
      onReceived(Math.min(admitted, batch.length));
      this.#take(batch, admitted);
    }
  }

  #measure(): void {
    const now = performance.now();
    const ms = now - this.#measuredAt;
    if (ms < 1) return;
    // There is nothing to weigh the first against.
    this.#pace += (this.#pace === 0 ? 1 : NEWEST) * (this.#done / ms - this.#pace);
    this.#done = 0;
    this.#measuredAt = now;
  }

  #take(batch: readonly Delivery[], admitted: number): void {
    for (const delivery of batch.slice(admitted)) void delivery.release();
    const more = batch.slice(0, admitted);
    this.#waiting = this.#next === this.#waiting.length ? more : this.#waiting.slice(this.#next).concat(more);
    this.#next = 0;
    this.#held += more.length;
    this.#feed();
  }

  /** Starts what may run. Once it is stopped that is everything: whoever gets no slot any more is handed back. */
  #feed(): void {
    const { execute } = this.#parts;
    while (this.#next < this.#waiting.length && this.#mayStart) {
      this.#running++;
      void execute(this.#waiting[this.#next++] as Delivery).then(this.#finished, this.#finished);
    }
  }

  get #mayStart(): boolean {
    const { concurrency, parked } = this.#parts;
    return this.#running < concurrency || this.#running < concurrency + parked() || this.#stop.signal.aborted;
  }

  readonly #finished = (): void => {
    this.#running--;
    this.#held--;
    this.#done++;
    this.#feed();
    if (this.#roomAgain && !this.full) this.#roomAgain();
    if (this.#held === 0) for (const resolve of this.#idle.splice(0)) resolve();
  };

  /** Resolves when it is not full any more, and all that end in the same turn of the event loop have been counted. */
  #emptied(): Promise<void> {
    if (!this.full || this.#stop.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      this.#roomAgain = () => {
        this.#roomAgain = undefined;
        setImmediate(resolve);
      };
    });
  }
}
