import type { Clock } from '../../contracts/clock.js';
import type { Acks } from './rabbitmq-acks.js';
import type { RabbitmqDelivery } from './rabbitmq-delivery.js';
import { textOf } from './rabbitmq-errors.js';
import type { Parcel } from './rabbitmq-outlet.js';
import type { Publisher } from './rabbitmq-publisher.js';

interface ReplacingParts {
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly onTrouble: (message: string) => void;
}

/** What the session does with a delivery that is replaced. */
interface Owner {
  readonly isOver: () => boolean;
  readonly settle: (delivery: RabbitmqDelivery) => Promise<void>;
  readonly lose: (delivery: RabbitmqDelivery) => void;
}

/** Between two attempts to write what becomes of a delivery. */
const PAUSE_MS = 1000;

/** Replaces deliveries by copies. Copies first, then the acknowledgement: a crash in between makes a duplicate, never a loss. */
export class Replacing {
  readonly #parts: ReplacingParts;
  readonly #acks: Acks;
  readonly #owner: Owner;
  readonly #working = new Set<Promise<void>>();
  #asking: Promise<boolean> | undefined;

  constructor(parts: ReplacingParts, acks: Acks, owner: Owner) {
    this.#parts = parts;
    this.#acks = acks;
    this.#owner = owner;
  }

  /**
   * Deliveries given together are sent together and acknowledged together.
   * @param parcels made once it is sure that a delivery is still ours
   */
  replace(deliveries: readonly RabbitmqDelivery[], parcels: (delivery: RabbitmqDelivery) => readonly Parcel[]) {
    const working = this.#write(deliveries, parcels);
    this.#working.add(working);
    const done = () => this.#working.delete(working);
    working.then(done, done);
    return working;
  }

  async flush(): Promise<void> {
    await Promise.all(this.#working);
  }

  async #write(
    deliveries: readonly RabbitmqDelivery[],
    parcels: (delivery: RabbitmqDelivery) => readonly Parcel[],
  ): Promise<void> {
    const ours = await this.#stillOurs(deliveries);
    const copies = ours.flatMap(parcels);
    while (ours.length > 0 && !this.#owner.isOver()) {
      try {
        await this.#parts.publisher.send(copies);
        await Promise.all(ours.map((delivery) => this.#owner.settle(delivery)));
        return;
      } catch (error) {
        this.#parts.onTrouble(`what becomes of a delivery could not be written and is tried again: ${textOf(error)}`);
        await new Promise((resolve) => void this.#parts.clock.after(PAUSE_MS, () => resolve(undefined)));
      }
    }
    for (const delivery of ours) this.#owner.lose(delivery);
  }

  /** Asked first, so that the late word of a worker that has lost its link does not count. */
  async #stillOurs(deliveries: readonly RabbitmqDelivery[]): Promise<RabbitmqDelivery[]> {
    const ours: RabbitmqDelivery[] = [];
    const asked = deliveries.map(async (delivery) => {
      if (await this.#isStillOurs(delivery)) ours.push(delivery);
      else this.#owner.lose(delivery);
    });
    await Promise.all(asked);
    return ours;
  }

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
}
