import type { RedisDelivery } from './redis-delivery.js';
import type { Argument } from './redis-script.js';
import { parcelsOf } from './redis-successors.js';

/** One claim, held as one record: all its messages live and die by the same lease, and are settled bit by bit. */
export class Lease {
  readonly #bits: Uint8Array;
  #left: number;

  constructor(
    readonly token: string,
    size: number,
    private readonly deliveries: readonly RedisDelivery[],
  ) {
    this.#bits = new Uint8Array(Math.ceil(size / 8));
    this.#left = size;
  }

  get finished(): boolean {
    return this.#left === 0;
  }

  settle(index: number): void {
    const byte = index >> 3;
    this.#bits[byte] = (this.#bits[byte] ?? 0) | (1 << (index & 7));
    this.#left--;
  }

  /** A copy: more is settled while it is on its way. All of them are no bytes, and a text: with bytes in it a command costs more. */
  bits(): Uint8Array | '' {
    return this.finished ? '' : this.#bits.slice();
  }

  unsettled(): RedisDelivery[] {
    return this.deliveries.filter(({ settlement }) => settlement === undefined);
  }
}

/** The leases a consumer has: a few, so that a list does, which leaves nothing behind when they come and go. */
export class Leases {
  readonly #leases: Lease[] = [];

  get size(): number {
    return this.#leases.length;
  }

  get tokens(): readonly string[] {
    return this.#leases.map(({ token }) => token);
  }

  add(lease: Lease): void {
    this.#leases.push(lease);
  }

  get(token: string): Lease | undefined {
    return this.#leases.find((lease) => lease.token === token);
  }

  delete(lease: Lease): void {
    const at = this.#leases.indexOf(lease);
    if (at !== -1) this.#leases.splice(at, 1);
  }

  unsettled(): RedisDelivery[] {
    return this.#leases.flatMap((lease) => lease.unsettled());
  }
}

/** Deliveries of one round by the lease that holds them. */
export class LeaseRound {
  /** Those of each lease that leave something behind. */
  readonly #leases = new Map<Lease, RedisDelivery[]>();
  readonly #deliveries: RedisDelivery[] = [];

  /** The lease is marked here, once: the round may be sent more often. */
  add(delivery: RedisDelivery, lease: Lease): void {
    let leaving = this.#leases.get(lease);
    if (!leaving) this.#leases.set(lease, (leaving = []));
    lease.settle(delivery.index);
    if (delivery.settlement !== 'ack') leaving.push(delivery);
    this.#deliveries.push(delivery);
  }

  get empty(): boolean {
    return this.#leases.size === 0;
  }

  get finished(): Lease[] {
    return [...this.#leases.keys()].filter((lease) => lease.finished);
  }

  /** As the common part's `settle` takes them. */
  arguments(queue: string, group: string): Argument[] {
    const args: Argument[] = [this.#leases.size];
    for (const [lease, leaving] of this.#leases) {
      args.push(lease.token, lease.bits(), leaving.length);
      for (const delivery of leaving) args.push(delivery.index, ...parcelsOf(delivery, queue, group));
    }
    return args;
  }

  lost(tokens: ReadonlySet<string>): RedisDelivery[] {
    return this.#deliveries.filter(({ lease }) => lease && tokens.has(lease.token));
  }
}
