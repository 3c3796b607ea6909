import type { Channel, ConsumeMessage, Replies } from 'amqplib';
import { Bag } from '../../contracts/bag.js';
import type { Clock } from '../../contracts/clock.js';
import type { Successor } from '../../contracts/delivery.js';
import type { ConsumeOptions } from '../../contracts/transport.js';
import { Acks } from './rabbitmq-acks.js';
import { closeChannel } from './rabbitmq-channel.js';
import { RabbitmqDelivery, type Settling } from './rabbitmq-delivery.js';
import { Inbox } from './rabbitmq-inbox.js';
import { rungFor } from './rabbitmq-ladder.js';
import { groupNames } from './rabbitmq-names.js';
import type { Parcels } from './rabbitmq-parcels.js';
import type { Publisher } from './rabbitmq-publisher.js';
import { Replacing } from './rabbitmq-replacing.js';
import { hasEnded } from './rabbitmq-socket.js';
import { type Flow, type Pushed, Subscription } from './rabbitmq-subscription.js';
import { Suspects } from './rabbitmq-suspects.js';

export interface SessionParts {
  readonly options: ConsumeOptions;
  readonly publisher: Publisher;
  readonly parcels: Parcels;
  readonly clock: Clock;
  readonly carriesCounts: boolean;
  readonly countsRefused: boolean;
  /** Where what waits for no group in particular is passed on. */
  readonly inbox: Channel;
  /** A further channel of the same connection. */
  readonly channel: () => Promise<Channel>;
  readonly onArrival: (delivery: RabbitmqDelivery) => void;
  /** Held or settled, and now someone else's. */
  readonly onLost: (id: string) => void;
  readonly onTrouble: (message: string) => void;
}

/** Why a session ended. */
export type SessionEnd =
  | { readonly kind: 'channel'; readonly error: Error | undefined }
  /** The broker ended the subscription of this queue. */
  | { readonly kind: 'cancelled'; readonly queue: string };

/**
 * One channel of a consumer, from its opening to its end, with everything that is bound to it: subscriptions, what was
 * received and is not settled, acknowledgements.
 */
export class Session implements Settling {
  readonly suspectQueue: string;
  readonly #parts: SessionParts;
  readonly #channel: Channel;
  readonly #acks: Acks;
  readonly #inbox: Inbox;
  readonly #suspects: Suspects;
  readonly #unsettled = new Bag<RabbitmqDelivery>();
  readonly #timers = new Set<() => void>();
  readonly #replacing: Replacing;
  #subscription: Subscription | undefined;
  #ending: Promise<void> | undefined;
  #end: (end: SessionEnd) => void = () => undefined;
  #error: Error | undefined;
  #isOver = false;
  #isWatching = false;
  /** Resolves when nothing comes through it any more. */
  readonly ended = new Promise<SessionEnd>((resolve) => {
    this.#end = resolve;
  });

  constructor(parts: SessionParts, channel: Channel) {
    this.#parts = parts;
    this.#channel = channel;
    this.suspectQueue = groupNames(parts.options.queue, parts.options.group).suspect;
    // Counts for no consumer: each is preceded by its own.
    const ask = () => channel.prefetch(1);
    this.#acks = new Acks(channel, ask, parts.onLost);
    this.#inbox = new Inbox(parts.inbox, parts);
    this.#suspects = new Suspects(parts);
    this.#replacing = new Replacing(parts, this.#acks, {
      isOver: () => this.#isOver,
      settle: (delivery) => this.#settle(delivery),
      lose: (delivery) => this.#lose(delivery),
    });
    channel.on('error', (error) => {
      this.#error = error;
    });
    channel.on('close', () => this.#over({ kind: 'channel', error: this.#error }));
    parts.inbox.on('close', () => void this.abandon());
    if (hasEnded(channel)) this.#over({ kind: 'channel', error: undefined });
  }

  /** Starts to pass on what waits in the inbox. */
  async #watchInbox(): Promise<void> {
    this.#isWatching = true;
    try {
      await this.#inbox.open((queue) => this.#over({ kind: 'cancelled', queue }));
    } catch {
      await this.abandon();
    }
  }

  /** How much more may come without another word. */
  get room(): number {
    return this.#subscription?.room ?? 0;
  }

  get isSubscribed(): boolean {
    return this.#subscription !== undefined;
  }

  /** Given out and not settled. */
  get held(): number {
    let held = 0;
    for (const { given } of this.#unsettled) if (given) held++;
    return held;
  }

  /** Received and not given out. */
  get waiting(): number {
    return this.#unsettled.size - this.held;
  }

  /** Keeps a subscription that was about to end. */
  keep(): void {
    if (this.#subscription?.keep() === false) this.#subscription = undefined;
  }

  /** Receives up to `room` more messages of each queue, and what else is pushed ahead. */
  subscribe(room: number, pushed?: Pushed): void {
    if (!this.#subscription) {
      const { queue, group } = this.#parts.options;
      const { main, again } = groupNames(queue, group);
      // In this order: where the one thing asked for comes of the group's queue, both can be cancelled before what takes its
      // place is written, and would come back here unasked.
      this.#subscription = new Subscription(this.#channel, [again, main], (flow, message) => {
        if (message) this.#receive(message, flow, flow.queue === again);
        else this.#over({ kind: 'cancelled', queue: flow.queue });
      });
    }
    this.#subscription.widen(room, pushed);
    if (!this.#isWatching) void this.#watchInbox();
  }

  /** Nothing more comes; resolves when that is so. @param written what has to be on the broker by then */
  async unsubscribe(written?: Promise<void>): Promise<void> {
    const subscription = this.#subscription;
    if (subscription) this.#ending = subscription.end(written);
    await this.#ending;
    if (this.#subscription === subscription && subscription?.hasEnded) this.#subscription = undefined;
  }

  acked(delivery: RabbitmqDelivery): Promise<void> {
    return this.#settle(delivery);
  }

  handedBack(...deliveries: readonly RabbitmqDelivery[]): Promise<void> {
    const { queue, group } = this.#parts.options;
    return this.#replacing.replace(deliveries, ({ message, id, target, attempt, crashes, due }) => {
      // What has not been due has not been received: it keeps its time.
      const counts = { target, attempts: attempt - 1, crashes, due };
      return [this.#parts.parcels.again(queue, group, message, id, counts)];
    });
  }

  replaced(delivery: RabbitmqDelivery, successors: readonly Successor[]): Promise<void> {
    const { clock, parcels, options } = this.#parts;
    const now = clock.now();
    return this.#replacing.replace([delivery], () =>
      successors.map((successor) => {
        const { message, id } = delivery;
        if (successor.kind === 'dead') return parcels.dead(options.queue, options.group, message, id, successor);
        const { target, queue = options.queue, delayMs, attempts, crashes } = successor;
        const due = delayMs > 0 ? Math.ceil(now + delayMs) : undefined;
        return parcels.again(queue, options.group, message, id, { target, attempts, crashes, due });
      }),
    );
  }

  async begun(delivery: RabbitmqDelivery): Promise<void> {
    const held = await this.#suspects.hold(delivery);
    if (held) {
      const before = delivery.receipt;
      delivery.receipt = held;
      await before.acks.ack(before.tag, delivery.id);
    } else if (!delivery.settled) this.#lose(delivery);
  }

  /** Resolves when every settlement so far is on the broker. */
  async flush(): Promise<void> {
    await this.#replacing.flush();
    await Promise.all([this.#acks.flush(), this.#suspects.flush()]);
  }

  /** What the queue says of itself now. */
  look(): Promise<Replies.AssertQueue> {
    const { queue, group } = this.#parts.options;
    return this.#channel.checkQueue(groupNames(queue, group).main);
  }

  /** Hands back what is unsettled, within `ms`; then the broker does it, and counts it as an attempt. */
  async close(ms: number): Promise<void> {
    const late = new Promise<void>((resolve) => void this.#parts.clock.after(ms, () => resolve()));
    await Promise.race([this.#handBack(), late, this.ended]);
    const closing = Promise.all([this.#inbox.close(), closeChannel(this.#channel), this.#suspects.close()]);
    await Promise.race([closing, late]);
  }

  async #handBack(): Promise<void> {
    // What takes the place of others comes back here at once: it has to be on the broker before it is quiet.
    await this.#replacing.flush();
    const written = this.flush();
    await Promise.all([written, this.unsubscribe(written)]);
    for (const cancel of this.#timers) cancel();
    // In one acknowledgement: of many the broker keeps some for later, and forgets them with the channel (decision 66).
    const rest = [...this.#unsettled].filter(({ settled }) => !settled);
    for (const delivery of rest) delivery.settled = true;
    await this.handedBack(...rest);
    await this.flush();
  }

  /** The broker has stopped to be trusted: ends the channel. */
  async abandon(): Promise<void> {
    await closeChannel(this.#channel);
  }

  #receive(message: ConsumeMessage, flow: Flow, isOurs: boolean): void {
    const { queue } = this.#parts.options;
    const delivery = new RabbitmqDelivery(this, message, this.#acks, queue, flow, isOurs);
    this.#unsettled.add(delivery);
    const early = delivery.due === undefined ? 0 : delivery.due - this.#parts.clock.now();
    if (early <= 0) this.#parts.onArrival(delivery);
    else if (rungFor(early) === undefined) this.#holdUntilDue(delivery, early);
    else void delivery.release();
  }

  #holdUntilDue(delivery: RabbitmqDelivery, ms: number): void {
    const cancel = this.#parts.clock.after(ms, () => {
      this.#timers.delete(cancel);
      const early = (delivery.due ?? 0) - this.#parts.clock.now();
      // A timer may fire a little before its time.
      if (early > 0) this.#holdUntilDue(delivery, early);
      else if (!delivery.settled) this.#parts.onArrival(delivery);
    });
    this.#timers.add(cancel);
  }

  #settle(delivery: RabbitmqDelivery): Promise<void> {
    this.#forget(delivery);
    const { acks, tag } = delivery.receipt;
    return acks.ack(tag, delivery.id);
  }

  #forget(delivery: RabbitmqDelivery): void {
    if (this.#unsettled.delete(delivery)) delivery.flow.settled();
  }

  #lose(delivery: RabbitmqDelivery): void {
    delivery.settled = true;
    this.#forget(delivery);
    if (delivery.given) this.#parts.onLost(delivery.id);
  }

  #over(end: SessionEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const cancel of this.#timers) cancel();
    void this.#inbox.close();
    void this.#suspects.close();
    this.#acks.end();
    // Those that are being replaced find out themselves.
    for (const delivery of [...this.#unsettled]) if (!delivery.settled) this.#lose(delivery);
    this.#end(end);
  }
}
