import type { Channel, ConsumeMessage } from 'amqplib';
import type { Clock } from '../../contracts/clock.js';
import type { Successor } from '../../contracts/delivery.js';
import type { ConsumeOptions } from '../../contracts/transport.js';
import { Acks } from './rabbitmq-acks.js';
import { RabbitmqDelivery, type Settling } from './rabbitmq-delivery.js';
import { textOf } from './rabbitmq-errors.js';
import { Inbox } from './rabbitmq-inbox.js';
import { rungFor } from './rabbitmq-ladder.js';
import { groupNames, inboxName } from './rabbitmq-names.js';
import type { Parcels } from './rabbitmq-parcels.js';
import type { Publisher } from './rabbitmq-publisher.js';
import { Suspects } from './rabbitmq-suspects.js';

export interface SessionParts {
  readonly options: ConsumeOptions;
  readonly publisher: Publisher;
  readonly parcels: Parcels;
  readonly clock: Clock;
  /** A further channel of the same connection. */
  readonly channel: () => Promise<Channel>;
  readonly onArrival: (delivery: RabbitmqDelivery) => void;
  /** Held or settled, and now someone else's. */
  readonly onLost: (id: string) => void;
  readonly onTrouble: (message: string) => void;
}

/** A quorum queue gives no more than this to one subscription. */
const WIDEST = 2000;

/** Why a session ended. */
export type SessionEnd =
  | { readonly kind: 'channel'; readonly error: Error | undefined }
  | { readonly kind: 'cancelled' };

/**
 * One channel of a consumer, from its opening to its end, with everything that is bound to it: subscriptions, what was
 * received and is not settled, acknowledgements.
 */
export class Session implements Settling {
  readonly #parts: SessionParts;
  readonly #channel: Channel;
  readonly #acks: Acks;
  readonly #inbox: Inbox;
  readonly #suspects: Suspects;
  readonly #unsettled = new Set<RabbitmqDelivery>();
  readonly #timers = new Set<() => void>();
  readonly #replacing = new Set<Promise<void>>();
  #tags: readonly Promise<{ readonly consumerTag: string } | undefined>[] = [];
  #subscription = 0;
  #width = 0;
  #outstanding = 0;
  #end: (end: SessionEnd) => void = () => undefined;
  #error: Error | undefined;
  #isOver = false;
  /** Resolves when nothing comes through it any more. */
  readonly ended = new Promise<SessionEnd>((resolve) => {
    this.#end = resolve;
  });

  constructor(parts: SessionParts, channel: Channel) {
    const { publisher, parcels, clock, options } = parts;
    this.#parts = parts;
    this.#channel = channel;
    // Sets the width of subscriptions to come to what it is.
    const ask = () => channel.prefetch(this.#width);
    this.#acks = new Acks(channel, ask, parts.onLost);
    this.#inbox = new Inbox(options.queue, this.#acks, publisher, parcels, clock);
    this.#suspects = new Suspects(parts);
    channel.on('error', (error) => {
      this.#error = error;
    });
    channel.on('close', () => this.#over({ kind: 'channel', error: this.#error }));
  }

  /** Starts to pass on what waits in the inbox. */
  async start(): Promise<void> {
    const width = this.#channel.prefetch(Inbox.width);
    const consuming = this.#channel.consume(inboxName(this.#parts.options.queue), (message) => {
      if (message) this.#inbox.receive(message);
      else this.#over({ kind: 'cancelled' });
    });
    await Promise.all([width, consuming]);
  }

  /** How much more may come by the present subscription. */
  get room(): number {
    return this.#width - this.#outstanding;
  }

  get isSubscribed(): boolean {
    return this.#tags.length > 0;
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

  /** Receives up to `width` messages of each queue ahead of their settlement. A subscription that is there is replaced. */
  subscribe(width: number): void {
    const { queue, group } = this.#parts.options;
    const { main, again } = groupNames(queue, group);
    void this.unsubscribe();
    const subscription = ++this.#subscription;
    this.#width = Math.min(width, WIDEST);
    this.#outstanding = 0;
    const take = (isOurs: boolean) => (message: ConsumeMessage | null) => {
      if (message) this.#receive(message, subscription, isOurs);
      else this.#over({ kind: 'cancelled' });
    };
    // Written in one go: the width counts for the subscriptions that follow it.
    const widening = this.#channel.prefetch(this.#width);
    this.#tags = [this.#channel.consume(again, take(true)), this.#channel.consume(main, take(false))];
    // How it ended is told once, by the channel.
    for (const asked of [widening, ...this.#tags]) asked.catch(() => undefined);
  }

  /** Nothing more comes; resolves when that is so. */
  async unsubscribe(): Promise<void> {
    const tags = this.#tags;
    this.#tags = [];
    try {
      await Promise.all(tags.map(async (tag) => this.#channel.cancel((await tag)?.consumerTag ?? '')));
    } catch {
      // The channel ended.
    }
  }

  acked(delivery: RabbitmqDelivery): Promise<void> {
    return this.#settle(delivery);
  }

  handedBack(delivery: RabbitmqDelivery): Promise<void> {
    const { queue, group } = this.#parts.options;
    const { message, id, target, attempt, crashes, due } = delivery;
    // What has not been due has not been received: it keeps its time.
    const counts = { target, attempts: attempt - 1, crashes, due };
    return this.#replace(delivery, () => [this.#parts.parcels.again(queue, group, message, id, counts)]);
  }

  replaced(delivery: RabbitmqDelivery, successors: readonly Successor[]): Promise<void> {
    const { clock, parcels, options } = this.#parts;
    const now = clock.now();
    return this.#replace(delivery, () =>
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
    await Promise.all(this.#replacing);
    await Promise.all([this.#acks.flush(), this.#suspects.flush()]);
  }

  /** Whether the broker still answers, and still sees somebody consume. */
  async isConsuming(): Promise<boolean> {
    const { queue, group } = this.#parts.options;
    const { consumerCount } = await this.#channel.checkQueue(groupNames(queue, group).main);
    return consumerCount > 0;
  }

  /** Hands back what is unsettled, within `ms`; then the broker does it, and counts it as an attempt. */
  async close(ms: number): Promise<void> {
    await this.unsubscribe();
    this.#inbox.close();
    for (const cancel of this.#timers) cancel();
    const handedBack = Promise.all([...this.#unsettled].map((delivery) => delivery.release())).then(() => this.flush());
    await Promise.race([
      handedBack.then(() => this.#inbox.idle()),
      new Promise((resolve) => void this.#parts.clock.after(ms, () => resolve(undefined))),
      this.ended,
    ]);
    await Promise.all([this.#channel.close(), this.#suspects.close()]).catch(() => undefined);
  }

  /** The broker has stopped to be trusted: ends the channel. */
  async abandon(): Promise<void> {
    await this.#channel.close().catch(() => undefined);
  }

  #receive(message: ConsumeMessage, subscription: number, isOurs: boolean): void {
    const { queue } = this.#parts.options;
    const delivery = new RabbitmqDelivery(this, message, this.#acks, queue, subscription, isOurs);
    this.#unsettled.add(delivery);
    if (subscription === this.#subscription) this.#outstanding++;
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
    if (!this.#unsettled.delete(delivery)) return;
    if (delivery.subscription === this.#subscription) this.#outstanding--;
  }

  #replace(delivery: RabbitmqDelivery, parcels: () => ReturnType<Parcels['again']>[]): Promise<void> {
    const replacing = this.#write(delivery, parcels);
    this.#replacing.add(replacing);
    const done = () => this.#replacing.delete(replacing);
    replacing.then(done, done);
    return replacing;
  }

  /** Copies first, then the acknowledgement: a crash in between makes a duplicate, never a loss. */
  async #write(delivery: RabbitmqDelivery, parcels: () => ReturnType<Parcels['again']>[]): Promise<void> {
    // Asked first, so that the late word of a worker that has lost its link does not count.
    if (!(await this.#isStillOurs(delivery))) return this.#lose(delivery);
    const copies = parcels();
    while (!this.#isOver) {
      try {
        await this.#parts.publisher.send(copies);
        return await this.#settle(delivery);
      } catch (error) {
        this.#parts.onTrouble(`what becomes of a delivery could not be written and is tried again: ${textOf(error)}`);
        await new Promise((resolve) => void this.#parts.clock.after(1000, () => resolve(undefined)));
      }
    }
    this.#lose(delivery);
  }

  #asking: Promise<boolean> | undefined;

  /** One question for all that are replaced in the same turn. */
  #isStillOurs({ receipt }: RabbitmqDelivery): Promise<boolean> {
    if (receipt.acks !== this.#acks) return receipt.acks.isAlive();
    if (!this.#asking) {
      const asking = new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
        this.#asking = undefined;
        return this.#acks.isAlive();
      });
      this.#asking = asking;
    }
    return this.#asking;
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
    this.#inbox.close();
    this.#acks.end();
    // Those that are being replaced find out themselves.
    for (const delivery of [...this.#unsettled]) if (!delivery.settled) this.#lose(delivery);
    this.#end(end);
  }
}
