import type { ClockGuard } from './sqlite-clock-guard.js';
import { SqliteDelivery, type Settler } from './sqlite-delivery.js';
import { isDone, RangeHold } from './sqlite-lease.js';
import { promoteScheduled, spanOf, trim } from './sqlite-log.js';
import { type Batch, LogBatch, type LogRow } from './sqlite-log-batch.js';
import { addParcel, type Seat } from './sqlite-seat.js';

/** What others lost is looked for no more often than this: leases last far longer. */
const REAP_EVERY_MS = 50;

/** Takes deliveries for one consumer. */
export class Claims {
  readonly #seat: Seat;
  readonly #settler: Settler;
  readonly #guard: ClockGuard;
  /** The last claim got all it had asked for: there is no need to look whether there is more. */
  #more = false;
  #reapedAt = Number.NEGATIVE_INFINITY;

  constructor(seat: Seat, settler: Settler, guard: ClockGuard) {
    this.#seat = seat;
    this.#settler = settler;
    this.#guard = guard;
  }

  /** Without taking the lock: ms until there may be something to claim; 0 or less when there is. */
  look(): number {
    if (this.#more) return 0;
    const { statements, clock, queue, group, owner } = this.#seat;
    const { cursor } = statements.cursor.get(queue, group) as { cursor: number };
    if (statements.anyInLog.get(cursor, spanOf(queue).last)) return 0;
    const { due, expiry } = statements.nextTimes.get(queue, group, owner) as {
      due: number | null;
      expiry: number | null;
    };
    const now = clock.now();
    const untilDue = due === null ? Number.POSITIVE_INFINITY : due - now;
    const untilExpiry = expiry === null ? Number.POSITIVE_INFINITY : Math.max(expiry - now, this.#guard.check());
    return Math.min(untilDue, untilExpiry);
  }

  /** In a transaction: what others lost becomes free, then retries that are due are taken, then the log. */
  claim(max: number): SqliteDelivery[] {
    const { statements, clock, queue } = this.#seat;
    const now = clock.now();
    if (this.#guard.check() === 0 && Math.abs(now - this.#reapedAt) >= REAP_EVERY_MS) this.#reap(now);
    promoteScheduled(statements, queue, now);
    const batch = this.#claimParcels(max, now);
    if (batch.length < max) this.#claimRange(batch, max - batch.length, now);
    this.#more = batch.length === max;
    return batch;
  }

  #claimParcels(max: number, now: number): SqliteDelivery[] {
    const { statements, queue, group, owner, visibilityMs } = this.#seat;
    if (statements.anyParcelDue.get(queue, group, now) === undefined) return [];
    const rows = statements.claimParcels.all(owner, now + visibilityMs, queue, group, now, max) as ParcelRow[];
    // RETURNING promises no order.
    rows.sort((a, b) => a.due - b.due || a.id - b.id);
    const batch = new ParcelBatch(rows);
    return rows.map(({ id, attempts, crashes, target }, place) => {
      const hold = { kind: 'parcel', id, attempts } as const;
      return new SqliteDelivery(this.#settler, hold, batch, place, attempts, crashes, target ?? undefined);
    });
  }

  #claimRange(batch: SqliteDelivery[], max: number, now: number): void {
    const { statements, queue, group, owner, visibilityMs } = this.#seat;
    const read = LogBatch.read(statements, queue, group, max);
    if (read === undefined) return;
    const { first, last, size } = read;
    const token = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
    const hold = new RangeHold(token, first, last, now, size);
    statements.moveCursor.run(last, queue, group);
    statements.addLease.run(token, queue, group, owner, first, last, hold.done, now + visibilityMs);
    for (let place = 0; place < size; place++) {
      const delivery = new SqliteDelivery(this.#settler, hold, read, place, 1, 0, undefined);
      hold.deliveries.push(delivery);
      batch.push(delivery);
    }
  }

  /**
   * Whatever a dead or stalled consumer of this group held is free again, counted as a crash. Not what this one holds:
   * it lives, and has only been kept from renewing it.
   */
  #reap(now: number): void {
    const { statements, queue, group, owner } = this.#seat;
    this.#reapedAt = now;
    statements.reapParcels.run(now, queue, group, now, owner);
    const leases = statements.expiredLeases.all(queue, group, now, owner) as LeaseRow[];
    for (const { token, first, last, done } of leases) {
      for (const { id, body, published_at } of statements.readLog.all(first - 1, last, -1) as LogRow[]) {
        if (isDone(done, first, id)) continue;
        addParcel(this.#seat, { message: id, body, publishedAt: published_at, attempts: 1, crashes: 1, due: now });
      }
      statements.dropLease.run(token);
    }
    if (leases.length > 0) trim(statements, queue);
  }
}

/** Rare things: a row each. */
class ParcelBatch implements Batch {
  constructor(private readonly rows: readonly ParcelRow[]) {}

  message(place: number): number {
    return this.#row(place).message;
  }

  body(place: number): Uint8Array {
    return this.#row(place).body;
  }

  text(): undefined {
    return undefined;
  }

  publishedAt(place: number): number {
    return this.#row(place).published_at;
  }

  #row(place: number): ParcelRow {
    return this.rows[place] as ParcelRow;
  }
}

interface ParcelRow extends LogRow {
  readonly message: number;
  readonly target: string | null;
  readonly attempts: number;
  readonly crashes: number;
  readonly due: number;
}

interface LeaseRow {
  readonly token: number;
  readonly first: number;
  readonly last: number;
  readonly done: Uint8Array;
}
