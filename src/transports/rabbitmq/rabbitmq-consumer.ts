// The global of this name is a getter, which shows in what is asked for every batch.
import { performance } from 'node:perf_hooks';
import type { Delivery } from '../../contracts/delivery.js';
import type { ConsumeOptions, Consumer } from '../../contracts/transport.js';
import type { RabbitmqDelivery } from './rabbitmq-delivery.js';
import { ASK_MS } from './rabbitmq-pulse.js';
import type { Session } from './rabbitmq-session.js';
import { Sessions, type SessionsParts } from './rabbitmq-sessions.js';
import { Wakeup } from '../../contracts/wakeup.js';

export interface ConsumerParts extends SessionsParts {
  readonly onClose: () => void;
}

/** Whoever asks again within this is quick; one that was and is not any more is pushed no further messages. */
const QUIET_MS = 50;

/** What came and was not asked for goes back after so long, for a worker that has room. */
const STALE_MS = 500;

/** A look without time to wait still gives the broker this long to show what it has. */
const GLANCE_MS = 2;

/**
 * Receives from one queue as one group, over any number of sessions. How far the broker may push ahead follows what is
 * asked for: one message at a time before slow listeners, hundreds before quick ones.
 */
export class RabbitmqConsumer implements Consumer {
  readonly #options: ConsumeOptions;
  readonly #parts: ConsumerParts;
  readonly #arrived = new Wakeup();
  readonly #sessions: Sessions;
  #buffer: RabbitmqDelivery[] = [];
  #asking = false;
  #lastAsked = Number.NEGATIVE_INFINITY;
  /** It asks again at once: the broker may push ahead. */
  #isQuick = false;
  /** Somebody looks whether it has become quiet. */
  #isWatched = false;
  #stale: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: ConsumeOptions, parts: ConsumerParts) {
    this.#options = options;
    this.#parts = parts;
    this.#sessions = new Sessions(options, parts, {
      onArrival: this.#onArrival,
      onChange: () => {
        // What was received by the one before comes again; whoever waits asks the new one.
        this.#buffer = [];
        this.#arrived.wake();
      },
    });
  }

  static async open(options: ConsumeOptions, parts: ConsumerParts): Promise<RabbitmqConsumer> {
    const consumer = new RabbitmqConsumer(options, parts);
    await consumer.#sessions.open();
    return consumer;
  }

  async next(max: number, options: { readonly waitMs?: number; readonly signal?: AbortSignal } = {}) {
    const { waitMs = Number.POSITIVE_INFINITY, signal } = options;
    const giveUpAt = performance.now() + Math.max(waitMs, GLANCE_MS);
    this.#asking = true;
    this.#isQuick = performance.now() - this.#lastAsked < QUIET_MS;
    this.#stale?.();
    try {
      while (!this.#closing && !signal?.aborted) {
        this.#session?.keep();
        if (this.#buffer.length > 0) return this.#take(max);
        this.#makeRoom(max);
        const left = giveUpAt - performance.now();
        // A timer may fire a little before its time. An empty list says that the queue is empty: not from a broker that has long
        // said nothing.
        if (left < 1 && !this.#sessions.pulse.isMute) return [];
        await this.#arrived.wait(left > 0 ? Math.min(left, ASK_MS) : ASK_MS, signal);
        if (this.#buffer.length === 0) this.#probe();
      }
      return [];
    } finally {
      this.#asking = false;
      this.#lastAsked = performance.now();
      this.#restLater();
    }
  }

  isOf(queue: string, group: string): boolean {
    return this.#options.queue === queue && this.#options.group === group;
  }

  /** Received from the broker, not given to the worker. */
  get waiting(): number {
    return this.#session?.waiting ?? 0;
  }

  /** Given to the worker, not settled. */
  get held(): number {
    return this.#session?.held ?? 0;
  }

  /** Forgets what waits here. Resolves to how many. */
  async drop(): Promise<number> {
    await this.pause();
    const waiting = this.#buffer.splice(0);
    await Promise.all(waiting.map((delivery) => delivery.ack()));
    return waiting.length;
  }

  /** Until it is next asked nothing comes, and what the broker was just sending has come. */
  async pause(): Promise<void> {
    await this.#session?.unsubscribe();
  }

  /** Whoever waits subscribes anew. */
  resume(): void {
    this.#arrived.wake();
  }

  async flush(): Promise<void> {
    await this.#session?.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#stale?.();
    this.#arrived.wake();
    await this.#sessions.close();
    this.#buffer = [];
    this.#parts.onClose();
  }

  get #session(): Session | undefined {
    return this.#sessions.current;
  }

  #take(max: number): readonly Delivery[] {
    const batch = this.#buffer.length <= max ? this.#buffer : this.#buffer.slice(0, max);
    this.#buffer = this.#buffer.length <= max ? [] : this.#buffer.slice(max);
    for (const delivery of batch) delivery.given = true;
    this.#sessions.pulse.beat();
    return batch;
  }

  /**
   * Widens the subscription where it cannot bring what is asked for. For whoever asks often by a part of what he has in hand
   * at least; for whoever asks for about as much as that, far beyond.
   */
  #makeRoom(max: number): void {
    const session = this.#session;
    if (!session) return;
    const { held, isSubscribed } = session;
    if (!isSubscribed || !this.#isQuick) session.subscribe(max);
    else session.subscribe(max, { ahead: 2 * max >= held ? max + held : 0, step: Math.ceil(held / 4) });
  }

  /** Nothing is hoarded that nobody asks for. */
  #restLater(): void {
    if (this.#closing) return;
    if (!this.#isQuick) this.#rest();
    else if (!this.#isWatched) this.#restWhenQuiet(QUIET_MS);
  }

  /** One timer for all that is asked meanwhile: one for each would cost more than the rest of it. */
  #restWhenQuiet(ms: number): void {
    this.#isWatched = true;
    this.#parts.clock.after(ms, () => {
      this.#isWatched = false;
      // Whoever asks now rests when it is answered.
      if (this.#closing || this.#asking) return;
      const left = this.#lastAsked + QUIET_MS - performance.now();
      if (left > 0) this.#restWhenQuiet(left);
      else this.#rest();
    });
  }

  #rest(): void {
    this.#stale?.();
    const session = this.#session;
    // What was asked for has come: nothing is on its way that would be counted.
    if (session && session.room <= 0) void session.unsubscribe();
    this.#stale = this.#parts.clock.after(STALE_MS, () => void this.#handBack());
  }

  async #handBack(): Promise<void> {
    await this.#session?.unsubscribe();
    if (this.#asking) return;
    for (const delivery of this.#buffer.splice(0)) void delivery.release();
  }

  readonly #onArrival = (delivery: RabbitmqDelivery): void => {
    this.#buffer.push(delivery);
    this.#arrived.wake();
    // It came when nobody was asking any more.
    if (!this.#asking && !this.#session?.isSubscribed) this.#restLater();
  };

  /** Whoever waits for a sign of life is woken by it. */
  #probe(): void {
    const { pulse } = this.#sessions;
    if (!this.#session?.isSubscribed || !pulse.isDue) return;
    const { isMute } = pulse;
    void this.#sessions.probe().then(() => {
      if (isMute) this.#arrived.wake();
    });
  }
}
