import { Bag } from '../../contracts/bag.js';
import type { Clock } from '../../contracts/clock.js';
import type { Successor } from '../../contracts/delivery.js';
import type { Commits } from './kafka-commits.js';
import type { KafkaDelivery, Settling } from './kafka-delivery.js';
import { textOf } from './kafka-errors.js';
import type { Ledger } from './kafka-ledger.js';
import type { Parcels } from './kafka-parcels.js';
import type { Pool } from './kafka-pool.js';
import type { Sender } from './kafka-sender.js';

export interface SettlementsParts {
  readonly queue: string;
  readonly group: string;
  readonly parcels: Parcels;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly commits: () => Commits;
  readonly pool: () => Pool;
  /** Whether it still is a member. */
  readonly check: () => Promise<boolean>;
  /** Held or settled, and now someone else's. */
  readonly onLost: (id: string) => void;
  readonly onTrouble: (message: string) => void;
}

/** Settlements that the same commit writes. */
interface Round {
  readonly writing: Promise<boolean>;
  readonly written: Promise<void>;
  readonly deliveries: KafkaDelivery[];
}

/** Between two attempts to write what becomes of a delivery. */
const PAUSE_MS = 500;

const DONE = Promise.resolve();

/** What workers have in hand, and what they say of it. */
export class Settlements implements Settling {
  readonly #parts: SettlementsParts;
  readonly #held = new Bag<KafkaDelivery>();
  readonly #replacing = new Set<Promise<void>>();
  #round: Round | undefined;
  #idle: (() => void)[] = [];

  constructor(parts: SettlementsParts) {
    this.#parts = parts;
  }

  /** Deliveries in hand, and those that are being replaced. */
  get open(): number {
    return this.#held.size + this.#replacing.size;
  }

  /** What one consumer has received and not settled. */
  heldBy(consumer: object): readonly KafkaDelivery[] {
    return [...this.#held].filter((delivery) => delivery.consumer === consumer && !delivery.isSettled);
  }

  hold(delivery: KafkaDelivery): void {
    this.#held.add(delivery);
  }

  async begun({ entry }: KafkaDelivery): Promise<void> {
    entry.ledger.begin(entry);
    // The suspect that ran before it is settled in this turn of the event loop: said with it, its end is not lost with this one.
    await new Promise((resolve) => setImmediate(resolve));
    await this.#parts.commits().now();
  }

  acked(delivery: KafkaDelivery): Promise<void> {
    if (!this.#letGo(delivery)) return DONE;
    const { entry } = delivery;
    this.#parts.pool().add(entry.ledger.done(entry));
    return this.#written(delivery, this.#parts.commits().soon());
  }

  handedBack(delivery: KafkaDelivery): Promise<void> {
    if (!this.#letGo(delivery)) return DONE;
    const { entry } = delivery;
    entry.ledger.free(entry);
    this.#parts.pool().putBack([entry]);
    return this.#written(delivery, this.#parts.commits().now());
  }

  replaced(delivery: KafkaDelivery, successors: readonly Successor[]): Promise<void> {
    const replacing = this.#replace(delivery, successors);
    this.#replacing.add(replacing);
    const done = () => this.#replacing.delete(replacing);
    replacing.then(done, done);
    return replacing;
  }

  /** What is being replaced is, or its lease was lost. */
  async flush(): Promise<void> {
    await Promise.all(this.#replacing);
  }

  /** Resolves when nothing is in hand any more. */
  idle(): Promise<void> {
    return this.#held.size === 0 ? DONE : new Promise((resolve) => this.#idle.push(resolve));
  }

  dropped(ledger: Ledger): void {
    for (const delivery of [...this.#held]) {
      if (delivery.entry.ledger !== ledger) continue;
      this.#letGo(delivery);
      this.#parts.onLost(delivery.id);
    }
  }

  /** Copies first, then the settlement: a crash in between makes a duplicate, never a loss. */
  async #replace(delivery: KafkaDelivery, successors: readonly Successor[]): Promise<void> {
    const { sender, clock, check, onTrouble } = this.#parts;
    const now = clock.now();
    // Asked first, so that the late word of a worker that has lost its partition does not count.
    const isOurs = this.#held.has(delivery) && (await check());
    while (isOurs && this.#held.has(delivery)) {
      try {
        await sender.send(await Promise.all(successors.map((successor) => this.#copy(delivery, successor, now))));
        return await this.acked(delivery);
      } catch (error) {
        onTrouble(`what becomes of a delivery could not be written, and is tried again: ${textOf(error)}`);
        await new Promise<void>((resolve) => void clock.after(PAUSE_MS, resolve));
      }
    }
  }

  #copy({ record, entry }: KafkaDelivery, successor: Successor, now: number) {
    const { parcels, queue, group } = this.#parts;
    const { place } = entry.ledger;
    if (successor.kind === 'dead') return parcels.dead(queue, group, record, place, successor);
    const { target, attempts, crashes, delayMs } = successor;
    const due = delayMs > 0 ? Math.ceil(now + delayMs) : undefined;
    return parcels.again(successor.queue ?? queue, group, record, place, { target, attempts, crashes, due });
  }

  /** @returns whether it still was ours */
  #letGo(delivery: KafkaDelivery): boolean {
    const wasHeld = this.#held.delete(delivery);
    if (this.#held.size === 0) for (const done of this.#idle.splice(0)) done();
    return wasHeld;
  }

  /** One promise for all that the same commit writes. */
  #written(delivery: KafkaDelivery, writing: Promise<boolean>): Promise<void> {
    if (this.#round?.writing !== writing) {
      const deliveries: KafkaDelivery[] = [];
      const written = writing.then((isWritten) => {
        if (!isWritten) for (const { id } of deliveries) this.#parts.onLost(id);
      });
      this.#round = { writing, written, deliveries };
    }
    this.#round.deliveries.push(delivery);
    return this.#round.written;
  }
}
