import type { RedisDelivery } from '../../redis/redis-delivery.js';
import { LeaseRound } from '../../redis/redis-lease.js';
import { Parking } from '../../redis/redis-parking.js';
import type { Argument } from '../../redis/redis-script.js';
import { parcelsOf } from '../../redis/redis-successors.js';

/** Settlements that are written together: of entries, and of parcels by their leases. */
export class StreamRound {
  readonly leases = new LeaseRound();
  readonly parking: Parking;
  readonly #queue: string;
  readonly #group: string;
  readonly #entries: RedisDelivery[] = [];

  constructor(deliveries: readonly RedisDelivery[], queue: string, group: string) {
    this.#queue = queue;
    this.#group = group;
    this.parking = new Parking(deliveries, queue, group);
    for (const delivery of deliveries) {
      if (delivery.lease) this.leases.add(delivery, delivery.lease);
      else this.#entries.push(delivery);
    }
  }

  /** As `settle` takes them. @param history to keep when the stream is trimmed, ms; -1: it is not */
  arguments(consumer: string, held: number, history: number): Argument[] {
    const done: string[] = [];
    const leaving: Argument[] = [];
    let count = 0;
    for (const delivery of this.#entries) {
      const id = String(delivery.number);
      if (delivery.settlement === 'ack') {
        done.push(id);
        continue;
      }
      leaving.push(id, ...parcelsOf(delivery, this.#queue, this.#group));
      count++;
    }
    const leases = this.leases.arguments(this.#queue, this.#group);
    return [this.#group, consumer, held, history, done.join(' '), count, ...leaving, ...leases];
  }

  /** @param gone ids of entries, and tokens */
  lost(gone: ReadonlySet<string>): RedisDelivery[] {
    return [...this.#entries.filter(({ number }) => gone.has(String(number))), ...this.leases.lost(gone)];
  }
}
