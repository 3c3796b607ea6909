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
  #open: number;

  constructor(
    /** Fencing: a row with this token exists as long as the range is ours. */
    readonly token: number,
    readonly first: number,
    readonly last: number,
    /** When it was claimed, by `performance.now()`. */
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

/** The messages of a range that its bitmap does not say are settled. */
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
