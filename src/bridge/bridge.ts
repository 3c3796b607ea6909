import type { Clock } from '../contracts/clock.js';
import { ThrunError } from '../contracts/errors.js';
import type { Consumer, OutgoingMessage, Transport, TransportNotice } from '../contracts/transport.js';
import type { Limits } from '../envelope/index.js';
import { patternMatcher } from '../registry/pattern.js';
import { type Lot, lotOf } from './lot.js';

export interface BridgeOptions {
  readonly from: Transport;
  readonly to: Transport;
  readonly queues: readonly string[];
  /** The queue it goes to. Default: the one of the same name. */
  readonly toQueue?: string | undefined;
  /** Receives under this name: a bridge has its own copy where there are copies. */
  readonly group: string;
  readonly visibilityMs: number;
  /** Only events that match this pattern. */
  readonly only?: string | undefined;
  /** End after so many were moved. */
  readonly limit?: number | undefined;
  /** End when nothing waits. */
  readonly stopWhenEmpty?: boolean | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
  /** Raised: what was received is published or handed back, and nothing more is received. */
  readonly signal: AbortSignal;
  readonly onNotice: (notice: BridgeNotice) => void;
}

export type BridgeNotice =
  | { readonly kind: 'from'; readonly notice: TransportNotice }
  /** The other side did not take it; it is kept and tried again. */
  | { readonly kind: 'waiting'; readonly queue: string; readonly error: Error; readonly pauseMs: number };

export interface BridgeCounts {
  readonly moved: number;
  readonly skipped: number;
  readonly dead: number;
}

/** Most that is received and published in one go. */
const LOT = 500;
/** A look that finds nothing ends after this long; nothing is polled meanwhile. */
const LOOK_MS = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

/**
 * Moves messages from one transport to another, byte for byte. Each is settled on the one side when it is on the other, so a
 * bridge that dies moves some of them again and loses none. Runs once.
 */
export class Bridge {
  readonly #options: BridgeOptions;
  readonly #matches: (event: string) => boolean;
  readonly #failed = new AbortController();
  /** Nothing more is to be received. */
  readonly #signal: AbortSignal;
  #moved = 0;
  #skipped = 0;
  #dead = 0;

  /** @throws {ThrunError} THRUN_INPUT when it would have to swallow what it leaves out */
  constructor(options: BridgeOptions) {
    const { from, only = '*' } = options;
    if (only !== '*' && !from.traits.fanOut) {
      throw new ThrunError('THRUN_INPUT', [
        `${from.name} gives each event to one consumer, so a bridge that takes only ${only} would take the others from those they are for. Move all of a queue, and publish what is to be moved to a queue of its own.`,
      ]);
    }
    this.#options = options;
    this.#signal = AbortSignal.any([options.signal, this.#failed.signal]);
    this.#matches = patternMatcher(only);
  }

  get counts(): BridgeCounts {
    return { moved: this.#moved, skipped: this.#skipped, dead: this.#dead };
  }

  /** Resolves when it was told to end, or has nothing more to do. */
  async run(): Promise<BridgeCounts> {
    const { from, queues, group, visibilityMs, onNotice } = this.#options;
    const consumers: Consumer[] = [];
    try {
      for (const queue of queues) {
        const onNoticeOf = (notice: TransportNotice) => onNotice({ kind: 'from', notice });
        consumers.push(await from.consume({ queue, group, visibilityMs, onNotice: onNoticeOf }));
      }
      await Promise.all(consumers.map((consumer, i) => this.#pump(queues[i] as string, consumer)));
    } finally {
      this.#failed.abort();
      await Promise.all(consumers.map((consumer) => consumer.close()));
    }
    return this.counts;
  }

  async #pump(queue: string, consumer: Consumer): Promise<void> {
    const signal = this.#signal;
    while (!signal.aborted && this.#left > 0) {
      const batch = await consumer.next(Math.min(LOT, this.#left), { signal, waitMs: LOOK_MS });
      if (batch.length === 0 && this.#options.stopWhenEmpty) return;
      if (batch.length > 0) await this.#move(queue, this.#sort(batch));
    }
  }

  get #left(): number {
    return (this.#options.limit ?? Number.POSITIVE_INFINITY) - this.#moved;
  }

  #sort(batch: Parameters<typeof lotOf>[0]): Lot {
    const { from, limits, clock } = this.#options;
    const most = this.#left;
    const lot = lotOf(batch, { transport: from.name, limits, matches: this.#matches, most, now: clock.now() });
    // Counted before it is done, so that another queue of this bridge does not go over the limit meanwhile.
    this.#moved += lot.moving.length;
    return lot;
  }

  async #move(queue: string, { messages, moving, skipped, rest, unreadable }: Lot): Promise<void> {
    for (const delivery of rest) void delivery.release();
    for (const delivery of skipped) void delivery.ack();
    this.#skipped += skipped.length;
    for (const { delivery, why } of unreadable) {
      const { target, attempt: attempts } = delivery;
      const { reason, error, event, eventId } = why;
      void delivery.handOver([{ kind: 'dead', target, reason, error, attempts, event, eventId }]);
    }
    this.#dead += unreadable.length;
    if (messages.length === 0) return;
    if (await this.#publish(this.#options.toQueue ?? queue, messages)) {
      for (const delivery of moving) void delivery.ack();
    } else {
      this.#moved -= moving.length;
      for (const delivery of moving) void delivery.release();
    }
  }

  /** False: it was told to end before the other side took them. */
  async #publish(queue: string, messages: readonly OutgoingMessage[]): Promise<boolean> {
    const { to, onNotice } = this.#options;
    const signal = this.#signal;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      try {
        await to.publish(queue, messages);
        return true;
      } catch (error) {
        if (signal.aborted) return false;
        onNotice({ kind: 'waiting', queue, error: error as Error, pauseMs });
        await this.#pause(pauseMs);
        if (signal.aborted) return false;
      }
    }
  }

  #pause(ms: number): Promise<void> {
    const { clock } = this.#options;
    const signal = this.#signal;
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
