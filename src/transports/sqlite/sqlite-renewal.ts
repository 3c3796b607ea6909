import type { TransportNotice } from '../../contracts/transport.js';
import type { ClockGuard } from './sqlite-clock-guard.js';
import type { SqliteDelivery } from './sqlite-delivery.js';
import type { Holdings, ParcelHold, RangeHold } from './sqlite-lease.js';
import { trim } from './sqlite-log.js';
import { addParcel, type Seat } from './sqlite-seat.js';
import type { Writer } from '../../sqlite/writer.js';

interface Parts {
  readonly seat: Seat;
  readonly writer: Writer;
  readonly holdings: Holdings;
  readonly guard: ClockGuard;
  readonly onLost: (delivery: SqliteDelivery) => void;
  readonly onNotice: (notice: TransportNotice) => void;
}

interface Renewed {
  readonly lost: readonly SqliteDelivery[];
  readonly lostRanges: readonly RangeHold[];
  readonly moved: readonly Moved[];
}

interface Moved {
  readonly range: RangeHold;
  readonly deliveries: readonly (readonly [SqliteDelivery, ParcelHold])[];
}

/** Extends what a consumer holds, three times in each term, for as long as it lives. */
export class Renewal {
  readonly #parts: Parts;
  #cancel: () => void = () => undefined;
  #running = false;
  #failed = false;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#beatLater();
  }

  stop(): void {
    this.#cancel();
    this.#beatLater = () => undefined;
  }

  #beatLater = (): void => {
    const { clock, visibilityMs } = this.#parts.seat;
    this.#cancel = clock.after(Math.max(visibilityMs / 3, 10), () => {
      void this.#beat();
      this.#beatLater();
    });
  };

  async #beat(): Promise<void> {
    const { guard, holdings, writer, onNotice } = this.#parts;
    guard.check();
    if (this.#running || (holdings.empty && !guard.wasSetBack)) return;
    this.#running = true;
    try {
      await writer.run(() => this.#renew(), { quiet: true, keepTrying: () => true, committed: this.#apply });
      guard.wasSetBack = false;
      this.#failed = false;
    } catch (error) {
      const message = `leases cannot be extended, trying again: ${error instanceof Error ? error.message : String(error)}`;
      if (!this.#failed) onNotice({ kind: 'degraded', message });
      this.#failed = true;
    } finally {
      this.#running = false;
    }
  }

  /** Only now: had the transaction been undone, all would still be as it was. */
  readonly #apply = ({ lost, lostRanges, moved }: Renewed): void => {
    const { holdings, onLost } = this.#parts;
    for (const { range, deliveries } of moved) {
      holdings.ranges.delete(range);
      for (const [delivery, hold] of deliveries) {
        delivery.hold = hold;
        holdings.parcels.add(delivery);
      }
    }
    for (const delivery of lost) {
      // Settled in the meantime: whoever writes that will find out.
      if (delivery.settlement !== undefined) continue;
      holdings.parcels.delete(delivery);
      delivery.settlement = 'lost';
      onLost(delivery);
    }
    for (const range of lostRanges) {
      holdings.lose(range).forEach(onLost);
    }
  };

  /**
   * In a transaction. A range that is still open after a third of its term becomes parcels of ours: one listener that
   * runs for an hour must not keep the log behind it from being trimmed.
   */
  #renew(): Renewed {
    const { seat, holdings, guard } = this.#parts;
    const { statements, clock, queue, group, owner, visibilityMs } = seat;
    const now = clock.now();
    const until = now + visibilityMs;
    if (guard.wasSetBack) {
      statements.shortenLeases.run(until, queue, group, until);
      statements.shortenParcels.run(until, queue, group, until);
    }
    const lostRanges: RangeHold[] = [];
    const moved: Moved[] = [];
    for (const range of holdings.ranges) {
      if (now - range.claimedAt < visibilityMs / 4 || range.unwritten > 0) continue;
      if (Number(statements.dropLease.run(range.token).changes) === 0) lostRanges.push(range);
      else moved.push({ range, deliveries: this.#toParcels(range, until) });
    }
    if (moved.length > 0) trim(statements, queue);
    statements.extendLeases.run(until, owner);
    statements.extendParcels.run(until, queue, group, owner);
    return { lost: this.#lostParcels(), lostRanges, moved };
  }

  #toParcels(range: RangeHold, until: number): (readonly [SqliteDelivery, ParcelHold])[] {
    return range.deliveries
      .filter(({ settlement }) => settlement === undefined)
      .map((delivery) => {
        const { message, body, publishedAt, attempt: attempts, crashes } = delivery;
        const parcel = { message, body, publishedAt, attempts, crashes, due: until, heldUntil: until };
        return [delivery, { kind: 'parcel', id: addParcel(this.#parts.seat, parcel), attempts }] as const;
      });
  }

  #lostParcels(): SqliteDelivery[] {
    const { seat, holdings } = this.#parts;
    if (holdings.parcels.size === 0) return [];
    const rows = seat.statements.heldParcels.all(seat.queue, seat.group, seat.owner) as {
      id: number;
      attempts: number;
    }[];
    const ours = new Map(rows.map(({ id, attempts }) => [id, attempts]));
    return [...holdings.parcels].filter(({ hold }) => hold.kind === 'parcel' && ours.get(hold.id) !== hold.attempts);
  }
}
