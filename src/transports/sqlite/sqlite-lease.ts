import type { SqliteDelivery } from './sqlite-delivery.js';

/** What a delivery is held by. A range becomes parcels once it has run for long; its deliveries follow it. */
export type Hold = RangeHold | ParcelHold;

/**
 * A batch claimed from the log with one row, settled message by message in a bitmap: however many messages a batch has,
 * claiming and settling it writes one small row.
 */
export class RangeHold {
  readonly kind = 'range';
  /** One bit for each message of the range, set once it is settled. */
  readonly done: Uint8Array;
  /** Everything that was received with it. */
  readonly deliveries: SqliteDelivery[] = [];
  /** Settlements not known to be written. While there are any, the row must stay: they will look for it. */
  unwritten = 0;
  /** Whether the row was found when settlements were last written. */
  ours = true;
  #open: number;

  constructor(
    /** Fencing: a row with this token exists as long as the range is ours. */
    readonly token: number,
    readonly first: number,
    readonly last: number,
    /** Ms since the epoch. */
    readonly claimedAt: number,
    count: number,
  ) {
    this.done = new Uint8Array(Math.ceil((last - first + 1) / 8));
    this.#open = count;
  }

  get finished(): boolean {
    return this.#open === 0;
  }

  settle(message: number): void {
    const bit = message - this.first;
    const byte = bit >> 3;
    const mask = 1 << (bit & 7);
    const before = this.done[byte] ?? 0;
    if ((before & mask) !== 0) return;
    this.done[byte] = before | mask;
    this.#open--;
  }
}

/** Whether the bitmap of a range that starts at `first` says that the message is settled. */
export function isDone(done: Uint8Array, first: number, message: number): boolean {
  const bit = message - first;
  return ((done[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
}

/** One delivery held by a row of its own. */
export interface ParcelHold {
  readonly kind: 'parcel';
  readonly id: number;
  /** With the owner, the fencing token. */
  readonly attempts: number;
}

/** Everything a consumer has received and whose end is not yet written. */
export class Holdings {
  readonly ranges = new Set<RangeHold>();
  readonly parcels = new Set<SqliteDelivery>();

  get empty(): boolean {
    return this.ranges.size === 0 && this.parcels.size === 0;
  }

  add(batch: readonly SqliteDelivery[]): void {
    for (const delivery of batch) {
      if (delivery.hold.kind === 'range') this.ranges.add(delivery.hold);
      else this.parcels.add(delivery);
    }
  }

  /** Those nothing was said about yet. */
  unsettled(): SqliteDelivery[] {
    const all = [...this.parcels];
    for (const { deliveries } of this.ranges) for (const delivery of deliveries) all.push(delivery);
    return all.filter(({ settlement }) => settlement === undefined);
  }

  /** Its settlement is in the file: nothing is to be renewed for it any more. */
  written(delivery: SqliteDelivery): void {
    const { hold } = delivery;
    if (hold.kind === 'parcel') this.parcels.delete(delivery);
    else if (--hold.unwritten === 0 && hold.finished) this.ranges.delete(hold);
  }

  /** The range's row is gone: whatever of it is not settled is someone else's by now. @returns those */
  lose(range: RangeHold): SqliteDelivery[] {
    this.ranges.delete(range);
    return range.deliveries.filter(({ settlement }) => settlement === undefined);
  }
}
