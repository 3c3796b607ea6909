import type { Clock } from '../../contracts/clock.js';
import type { Delivery } from '../../contracts/delivery.js';
import type { ConsumeOptions, Consumer } from '../../contracts/transport.js';
import type { RabbitmqDelivery } from './rabbitmq-delivery.js';
import { textOf } from './rabbitmq-errors.js';
import type { Link, LinkEvent } from './rabbitmq-link.js';
import type { Parcels } from './rabbitmq-parcels.js';
import type { Publisher } from './rabbitmq-publisher.js';
import { Session, type SessionEnd } from './rabbitmq-session.js';
import type { Topology } from './rabbitmq-topology.js';
import { Wakeup } from './rabbitmq-wakeup.js';

export interface ConsumerParts {
  readonly link: Link;
  /** The connection that messages are sent by. */
  readonly publishing: Link;
  readonly topology: Topology;
  readonly publisher: Publisher;
  readonly parcels: Parcels;
  readonly clock: Clock;
  readonly onClose: () => void;
}

/** Whoever asks again within this is quick; one that was and is not any more is pushed no further messages. */
const QUIET_MS = 50;

/** What came and was not asked for goes back after so long, for a worker that has room. */
const STALE_MS = 500;

/** A look without time to wait still gives the broker this long to show what it has. */
const GLANCE_MS = 2;

/** Nothing came for so long: is the broker still there, and does it still see us? */
const PROBE_MS = 5000;

/** Longest pause between two attempts to consume again. */
const LONGEST_PAUSE_MS = 10_000;

/** At its close a consumer gives the broker this long to take back what is unsettled. */
const CLOSING_MS = 5000;

/**
 * Receives from one queue as one group, over any number of sessions. How far the broker may push ahead follows what is
 * asked for: one message at a time before slow listeners, hundreds before quick ones.
 */
export class RabbitmqConsumer implements Consumer {
  readonly #options: ConsumeOptions;
  readonly #parts: ConsumerParts;
  readonly #arrived = new Wakeup();
  readonly #unlisten: () => void;
  #session: Session | undefined;
  #buffer: RabbitmqDelivery[] = [];
  #asking = false;
  #lastAsked = Number.NEGATIVE_INFINITY;
  /** It asks again at once: the broker may push ahead. */
  #isQuick = false;
  #quiet: (() => void) | undefined;
  #wasDown = false;
  #closing: Promise<void> | undefined;
  #probedAt = 0;

  private constructor(options: ConsumeOptions, parts: ConsumerParts) {
    this.#options = options;
    this.#parts = parts;
    const unlisten = [parts.link.listen(this.#onLink), parts.publishing.listen(this.#onPublishing)];
    this.#unlisten = () => unlisten.forEach((end) => end());
  }

  static async open(options: ConsumeOptions, parts: ConsumerParts): Promise<RabbitmqConsumer> {
    const consumer = new RabbitmqConsumer(options, parts);
    try {
      consumer.#live(await consumer.#connect());
      return consumer;
    } catch (error) {
      consumer.#unlisten();
      throw error;
    }
  }

  async next(max: number, options: { readonly waitMs?: number; readonly signal?: AbortSignal } = {}) {
    const { waitMs = Number.POSITIVE_INFINITY, signal } = options;
    const giveUpAt = performance.now() + Math.max(waitMs, GLANCE_MS);
    this.#asking = true;
    this.#isQuick = performance.now() - this.#lastAsked < QUIET_MS;
    this.#quiet?.();
    try {
      while (!this.#closing && !signal?.aborted) {
        this.#session?.keep();
        if (this.#buffer.length > 0) return this.#take(max);
        this.#makeRoom(max);
        const left = giveUpAt - performance.now();
        if (left <= 0) return [];
        await this.#arrived.wait(Math.min(left, PROBE_MS), signal);
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
    this.#unlisten();
    this.#quiet?.();
    this.#arrived.wake();
    await this.#session?.close(CLOSING_MS);
    this.#buffer = [];
    this.#parts.onClose();
  }

  #take(max: number): readonly Delivery[] {
    const batch = this.#buffer.length <= max ? this.#buffer : this.#buffer.slice(0, max);
    this.#buffer = this.#buffer.length <= max ? [] : this.#buffer.slice(max);
    for (const delivery of batch) delivery.given = true;
    this.#probedAt = performance.now();
    return batch;
  }

  /** Widens the subscription where it cannot bring what is asked for: to twice as much for somebody quick. */
  #makeRoom(max: number): void {
    const session = this.#session;
    if (!session || (session.isSubscribed && session.room >= max)) return;
    session.subscribe(session.isSubscribed && this.#isQuick ? max + session.held : max);
  }

  /** Nothing is hoarded that nobody asks for. */
  #restLater(): void {
    if (this.#closing) return;
    const { clock } = this.#parts;
    this.#quiet?.();
    const rest = () => {
      const session = this.#session;
      // What was asked for has come: nothing is on its way that would be counted.
      if (session && session.room <= 0) void session.unsubscribe();
      cancel = clock.after(STALE_MS, () => void this.#handBack());
    };
    let cancel = () => undefined as void;
    if (this.#isQuick) cancel = clock.after(QUIET_MS, rest);
    else rest();
    this.#quiet = () => cancel();
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

  /** A subscription that fails in silence would look like an empty queue. */
  #probe(): void {
    const now = performance.now();
    const session = this.#session;
    if (!session?.isSubscribed || now - this.#probedAt < PROBE_MS) return;
    this.#probedAt = now;
    void session.isConsuming().then(
      (isConsuming) => {
        if (isConsuming || session !== this.#session || !session.isSubscribed) return;
        this.#notice('nobody consumed the queue although this worker was to; it subscribes anew');
        void session.abandon();
      },
      () => undefined,
    );
  }

  /** From one session to the next, until closed. */
  #live(session: Session): void {
    this.#session = session;
    void session.ended.then(async (end) => {
      if (this.#session === session) this.#session = undefined;
      this.#buffer = [];
      if (this.#closing) return;
      await this.#explain(end, session);
      const next = await this.#reconnect();
      if (!next) return;
      this.#live(next);
      if (this.#wasDown) this.#options.onNotice({ kind: 'reconnected' });
      this.#wasDown = false;
      // Whoever waits is asking it, not the one that is gone.
      this.#arrived.wake();
    });
  }

  async #explain(end: SessionEnd, session: Session): Promise<void> {
    this.#parts.topology.forget();
    if (end.kind === 'cancelled') {
      this.#notice(
        `the broker took a queue of ${JSON.stringify(this.#options.queue)} away, deleted perhaps: what was in it is gone; ` +
          'it is declared anew',
      );
      await session.abandon();
    } else if (end.error) {
      this.#notice(`the broker closed the channel, what it held comes again: ${textOf(end.error)}`);
    }
  }

  async #reconnect(): Promise<Session | undefined> {
    for (let attempt = 0; !this.#closing; attempt++) {
      try {
        return await this.#connect();
      } catch (error) {
        if (attempt === 0 && !this.#wasDown) this.#notice(`consuming again has failed so far: ${textOf(error)}`);
        const pause = Math.min(LONGEST_PAUSE_MS, 100 * 2 ** attempt);
        await new Promise((resolve) => void this.#parts.clock.after(pause, () => resolve(undefined)));
      }
    }
    return undefined;
  }

  async #connect(): Promise<Session> {
    const { link, topology, publisher, parcels, clock } = this.#parts;
    const { queue, group } = this.#options;
    await topology.group(queue, group);
    const channel = await link.channel();
    return new Session(
      {
        options: this.#options,
        publisher,
        parcels,
        clock,
        channel: () => link.channel(),
        onArrival: this.#onArrival,
        onLost: (id) => {
          if (!this.#closing) this.#options.onNotice({ kind: 'lease_lost', queue, id });
        },
        onTrouble: (message) => this.#notice(message),
      },
      channel,
    );
  }

  readonly #onLink = (event: LinkEvent): void => {
    if (event.kind !== 'down' || this.#closing) return;
    this.#wasDown = true;
    this.#options.onNotice({ kind: 'disconnected', error: event.error });
  };

  readonly #onPublishing = (event: LinkEvent): void => {
    if (event.kind !== 'blocked') return;
    this.#notice(
      `RabbitMQ takes no messages (${event.reason}), so retries and dead letters wait: give it more of that`,
    );
  };

  #notice(message: string): void {
    if (!this.#closing) this.#options.onNotice({ kind: 'degraded', message });
  }
}
