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
  /** Settlements that are not written yet. While there are any, the row must stay: they will look for it. */
  unwritten = 0;
  /** Whether the row was found when settlements were last written. */
  ours = true;
  /** `done` as it stands in the file. */
  #written = EMPTY;
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

  /** Every settlement so far is in the file. */
  written(): void {
    this.unwritten = 0;
    if (!this.finished) this.#written = this.done.slice();
  }

  /** Those whose settlement is not in the file. */
  open(): SqliteDelivery[] {
    return this.deliveries.filter(({ message }) => !isDone(this.#written, this.first, message));
  }
}

/** No bit is set. */
const EMPTY = new Uint8Array(0);

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
      // Parcels come first, and what follows is all of one range.
      if (delivery.hold.kind === 'range') return void this.ranges.add(delivery.hold);
      this.parcels.add(delivery);
    }
  }

  /** Those nothing was said about yet. */
  unsettled(): SqliteDelivery[] {
    const all = [...this.parcels];
    for (const { deliveries } of this.ranges) for (const delivery of deliveries) all.push(delivery);
    return all.filter(({ settlement }) => settlement === undefined);
  }

  /** The settlements of it are in the file: nothing is to be renewed for it any more once they are all. */
  written(range: RangeHold): void {
    range.written();
    if (range.finished) this.ranges.delete(range);
  }

  /** The range's row is gone: whatever of it is not settled in the file is someone else's by now. @returns those */
  lose(range: RangeHold): SqliteDelivery[] {
    this.ranges.delete(range);
    const lost = range.open();
    for (const delivery of lost) delivery.settlement ??= 'lost';
    return lost;
  }
}
