import type { ConsumeMessage } from 'amqplib';
import type { Clock } from '../../contracts/clock.js';
import type { Acks } from './rabbitmq-acks.js';
import { idOf } from './rabbitmq-delivery.js';
import { countsOf } from './rabbitmq-headers.js';
import { rungFor } from './rabbitmq-ladder.js';
import type { Parcels } from './rabbitmq-parcels.js';
import type { Publisher } from './rabbitmq-publisher.js';

/**
 * What waits for no group in particular: published before there was one, or due by now. Any worker passes it on to the
 * exchange, and so to every group.
 */
export class Inbox {
  static readonly width = 200;
  readonly #timers = new Set<() => void>();
  readonly #working = new Set<Promise<void>>();
  #closed = false;

  constructor(
    private readonly queue: string,
    private readonly acks: Acks,
    private readonly publisher: Publisher,
    private readonly parcels: Parcels,
    private readonly clock: Clock,
  ) {}

  receive(message: ConsumeMessage): void {
    if (this.#closed) return;
    const due = countsOf(message.properties.headers ?? {}).due ?? 0;
    const early = due - this.clock.now();
    if (early <= 0) this.#send(message, this.parcels.passedOn(this.queue, message, idOf(message)));
    else if (rungFor(early) === undefined) this.#later(message, early);
    else this.#send(message, this.parcels.waitingOn(this.queue, message, idOf(message), due));
  }

  /** What is on its way gets there; what is not goes back to the broker with the channel. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#timers) cancel();
  }

  async idle(): Promise<void> {
    await Promise.all(this.#working);
  }

  #later(message: ConsumeMessage, ms: number): void {
    const cancel = this.clock.after(ms, () => {
      this.#timers.delete(cancel);
      this.receive(message);
    });
    this.#timers.add(cancel);
  }

  #send(message: ConsumeMessage, parcel: ReturnType<Parcels['passedOn']>): void {
    const working = this.publisher
      .send([parcel])
      .then(() => this.acks.ack(message.fields.deliveryTag))
      // Not acknowledged, it comes again with the next channel.
      .catch(() => undefined)
      .finally(() => this.#working.delete(working));
    this.#working.add(working);
  }
}
