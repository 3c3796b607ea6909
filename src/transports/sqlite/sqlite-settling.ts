import type { Successor } from '../../contracts/delivery.js';
import type { TransportNotice } from '../../contracts/transport.js';
import type { SqliteDelivery } from './sqlite-delivery.js';
import type { Holdings, ParcelHold, RangeHold } from './sqlite-lease.js';
import { queueNumber, trim } from './sqlite-log.js';
import { addParcel, type Seat } from './sqlite-seat.js';
import type { Writer } from '../../sqlite/writer.js';

/** Trimming costs a little each time, so it waits for this many settled messages; an idle consumer does the rest. */
const TRIM_EVERY = 1024;
const PAUSE_MS = 250;

interface Parts {
  readonly seat: Seat;
  readonly writer: Writer;
  readonly holdings: Holdings;
  readonly onLost: (delivery: SqliteDelivery) => void;
  readonly onNotice: (notice: TransportNotice) => void;
}

/** Writes settlements, all of them since the last time in one transaction; one transaction at a time. */
export class Settling {
  readonly #parts: Parts;
  /** Ranges that messages were settled of. The acks among them are all in these. */
  #ranges: RangeHold[] = [];
  /** What else is settled. It stays here until it is committed: a transaction may be undone and run again. */
  #waiting: SqliteDelivery[] = [];
  #round: Promise<void> | undefined;
  #closing = false;
  /** Settled since the log was last trimmed. */
  #untrimmed = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  add(delivery: SqliteDelivery): Promise<void> {
    const { hold, settlement } = delivery;
    if (hold.kind === 'range') {
      hold.settle(delivery.message);
      if (hold.unwritten++ === 0) this.#ranges.push(hold);
    }
    // The ack of a message of a range is its bit: nothing is to be done for each of them.
    if (hold.kind === 'parcel' || settlement !== 'ack') this.#waiting.push(delivery);
    this.#untrimmed++;
    return (this.#round ??= this.#writeRound());
  }

  /** Resolves when everything added so far is written. Callers of the same round share one promise. */
  flush(): Promise<void> {
    this.#parts.writer.hurry();
    return this.#round ?? Promise.resolve();
  }

  /** Flushes, but not for ever: what cannot be written now is delivered again when its leases run out. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.flush();
  }

  async #writeRound(): Promise<void> {
    const how = { lazy: true, keepTrying: () => !this.#closing, committed: this.#written };
    let failed = false;
    for (;;) {
      const lastTry = this.#closing;
      try {
        await this.#parts.writer.run(this.#write, how);
        return;
      } catch (error) {
        if (lastTry) return this.#giveUp(error);
        // A full disk, say. Nothing is lost: the leases are extended, and this is tried again.
        const message = `settlements cannot be written, trying again: ${text(error)}`;
        if (!failed) this.#parts.onNotice({ kind: 'degraded', message });
        failed = true;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  /** In a transaction. Whatever is settled up to this instant goes into it. @returns parcels someone else has by now */
  readonly #write = (): SqliteDelivery[] => {
    const { seat } = this.#parts;
    const now = seat.clock.now();
    for (const range of this.#ranges) mark(seat, range);
    const lost = this.#waiting.filter((delivery) => !settle(seat, delivery, now));
    if (this.#untrimmed >= TRIM_EVERY) trim(seat.statements, seat.queue);
    return lost;
  };

  /** In the same breath as the commit, so nothing was settled since: whatever comes now begins a new round. */
  readonly #written = (lost: readonly SqliteDelivery[]): void => {
    const { holdings, onLost } = this.#parts;
    const ranges = this.#ranges;
    const parcels = this.#waiting;
    this.#begin();
    for (const delivery of parcels) holdings.parcels.delete(delivery);
    for (const range of ranges) if (range.ours) holdings.written(range);
    for (const delivery of lost) if (delivery.hold.kind === 'parcel') onLost(delivery);
    // The row was the whole range's: the rest of it is lost as well, and had better know soon.
    for (const range of ranges) if (!range.ours) holdings.lose(range).forEach(onLost);
  };

  #begin(): void {
    this.#ranges = [];
    this.#waiting = [];
    this.#round = undefined;
    if (this.#untrimmed >= TRIM_EVERY) this.#untrimmed = 0;
  }

  #giveUp(error: unknown): void {
    const parcels = this.#waiting.filter(({ hold }) => hold.kind === 'parcel');
    const count = this.#ranges.reduce((sum, { unwritten }) => sum + unwritten, parcels.length);
    this.#begin();
    const message = `${count} settlements could not be written before closing, so these are delivered again: ${text(error)}`;
    this.#parts.onNotice({ kind: 'degraded', message });
  }
}

/** In a transaction. */
function mark({ statements }: Seat, range: RangeHold): void {
  const { changes } = range.finished
    ? statements.dropLease.run(range.token)
    : statements.markLease.run(range.done, range.token);
  range.ours = Number(changes) === 1;
}

/** In a transaction, after the ranges are marked. @returns whether it was still ours */
function settle(seat: Seat, delivery: SqliteDelivery, now: number): boolean {
  const { hold, settlement } = delivery;
  if (hold.kind === 'range' ? !hold.ours : !settleParcel(seat, delivery, hold, now)) {
    return false;
  }
  if (settlement === 'release') {
    if (hold.kind === 'range') putBack(seat, delivery, now);
  } else if (typeof settlement === 'object') {
    for (const next of settlement) succeed(seat, delivery, next, now);
  }
  return true;
}

function settleParcel(
  { statements, owner }: Seat,
  { settlement, crashes }: SqliteDelivery,
  hold: ParcelHold,
  now: number,
): boolean {
  const { id, attempts } = hold;
  const { changes } =
    settlement === 'release'
      ? statements.freeParcel.run(crashes, now, id, owner, attempts)
      : statements.dropParcel.run(id, owner, attempts);
  return Number(changes) === 1;
}

/** The log does not go back: a message of a range becomes a parcel. The receipt does not count. */
function putBack(seat: Seat, { message, body, publishedAt, attempt, crashes }: SqliteDelivery, now: number): void {
  addParcel(seat, { message, body, publishedAt, attempts: attempt - 1, crashes, due: now });
}

function succeed(seat: Seat, { message, body, publishedAt }: SqliteDelivery, next: Successor, now: number): void {
  const { statements, queue, group } = seat;
  const { target, attempts } = next;
  if (next.kind === 'postponed') {
    const { crashes, delayMs } = next;
    const where = next.queue === undefined ? queue : queueNumber(statements, next.queue);
    addParcel(seat, { message, target, body, publishedAt, attempts, crashes, due: now + delayMs, queue: where });
    return;
  }
  const { reason, error, event = null, eventId = null } = next;
  statements.addDead.run(
    message,
    queue,
    group,
    target ?? null,
    reason,
    error,
    event,
    eventId,
    attempts,
    body,
    publishedAt,
    now,
  );
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
