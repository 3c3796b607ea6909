import type { Channel, ConsumeMessage } from 'amqplib';
import type { Clock } from '../../contracts/clock.js';
import { closeChannel } from './rabbitmq-channel.js';
import { idOf } from './rabbitmq-delivery.js';
import { countsOf } from './rabbitmq-headers.js';
import { rungFor } from './rabbitmq-ladder.js';
import { exchangeName, groupNames, inboxName } from './rabbitmq-names.js';
import type { Parcel } from './rabbitmq-outlet.js';
import type { Parcels } from './rabbitmq-parcels.js';
import type { Publisher } from './rabbitmq-publisher.js';

interface InboxParts {
  readonly options: { readonly queue: string; readonly group: string };
  readonly publisher: Publisher;
  readonly parcels: Parcels;
  readonly clock: Clock;
  /** How often a message was received in vain is told in the next queue as well (RabbitMQ 4). */
  readonly carriesCounts: boolean;
  /** One that is refused counts as received in vain (RabbitMQ 4.0 to 4.2). */
  readonly countsRefused: boolean;
}

/** Enough to keep the broker busy; what is passed on costs this process next to nothing. */
const WIDTH = 200;

/** So often at the most it is looked after whether the group is still bound. */
const BINDING_MS = 1000;

/**
 * What waits for no group in particular: published before there was one, or due by now. Any worker has the broker pass it
 * on to the exchange, and so to every group: it refuses it, and the queue dead-letters to the exchange. Where that would count
 * it passes it on itself.
 */
export class Inbox {
  readonly #timers = new Set<() => void>();
  readonly #moving = new Set<Promise<void>>();
  readonly #queue: string;
  #boundAt = Number.NEGATIVE_INFINITY;
  #binding: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(
    private readonly channel: Channel,
    private readonly parts: InboxParts,
  ) {
    this.#queue = parts.options.queue;
  }

  /** @param onCancelled told when the broker ended the subscription, of which queue */
  async open(onCancelled: (queue: string) => void): Promise<void> {
    const { channel } = this;
    const inbox = inboxName(this.#queue);
    const receive = (message: ConsumeMessage | null) => {
      if (message) this.#receive(message);
      else onCancelled(inbox);
    };
    await Promise.all([channel.prefetch(WIDTH), channel.consume(inbox, receive)]);
  }

  /** What is held until it is due goes back to the broker with the channel; what is being moved would come twice. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
    await Promise.all(this.#moving);
    await closeChannel(this.channel);
  }

  #receive(message: ConsumeMessage): void {
    if (this.#closed) return;
    const { due = 0 } = countsOf(message.properties.headers ?? {});
    const early = due - this.parts.clock.now();
    if (due === 0) void this.#bound().then(() => this.#passOn(message));
    else if (early <= 0) this.#passOn(message);
    else if (rungFor(early) === undefined) this.#later(message, early);
    else this.#move(message, this.parts.parcels.waitingOn(this.#queue, message, idOf(message), due));
  }

  /**
   * What was due at once found no group, though this one is there: it may have been published before, or the exchange was
   * deleted and made anew without the binding. Where it cannot be bound the channel ends, and with it the session: then
   * everything is declared anew.
   */
  #bound(): Promise<unknown> {
    const now = performance.now();
    if (now - this.#boundAt >= BINDING_MS) {
      const { queue, group } = this.parts.options;
      this.#boundAt = now;
      this.#binding = this.channel
        .bindQueue(groupNames(queue, group).main, exchangeName(queue), '#')
        .catch(() => undefined);
    }
    return this.#binding;
  }

  #passOn(message: ConsumeMessage): void {
    if (this.#closed) return;
    const { carriesCounts, countsRefused, parcels } = this.parts;
    if (countsRefused || (carriesCounts && message.fields.redelivered)) {
      this.#move(message, parcels.passedOn(this.#queue, message, idOf(message)));
    } else {
      this.#settle(() => this.channel.nack(message, false, false));
    }
  }

  #later(message: ConsumeMessage, ms: number): void {
    const cancel = this.parts.clock.after(ms, () => {
      this.#timers.delete(cancel);
      this.#receive(message);
    });
    this.#timers.add(cancel);
  }

  /** The copy first: a crash in between makes a duplicate, never a loss. */
  #move(message: ConsumeMessage, parcel: Parcel): void {
    const moving = this.parts.publisher
      .send([parcel])
      .then(() => this.#settle(() => this.channel.ack(message)))
      // Not acknowledged, it comes again with the next channel.
      .catch(() => undefined)
      .finally(() => this.#moving.delete(moving));
    this.#moving.add(moving);
  }

  #settle(settle: () => void): void {
    try {
      settle();
    } catch {
      // The channel has just closed: it comes again.
    }
  }
}
