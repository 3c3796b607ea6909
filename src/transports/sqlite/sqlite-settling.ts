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
  #waiting: SqliteDelivery[] = [];
  /** What the running transaction writes. It may be undone and run again, so they stay here until it is committed. */
  #writing: SqliteDelivery[] = [];
  #round: Promise<void> | undefined;
  /** The running round has taken what it writes: whatever is settled from here on needs the next one. */
  #taken = false;
  #nextRound: Promise<void> | undefined;
  #closing = false;
  /** Settled since the log was last trimmed. */
  #untrimmed = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  get idle(): boolean {
    return this.#round === undefined;
  }

  add(delivery: SqliteDelivery): Promise<void> {
    if (delivery.hold.kind === 'range') delivery.hold.unwritten++;
    this.#waiting.push(delivery);
    return this.flush();
  }

  /** Resolves when everything added so far is written. Callers of the same round share one promise. */
  flush(): Promise<void> {
    if (this.#round === undefined) {
      if (this.#waiting.length === 0) return Promise.resolve();
      this.#round = this.#writeRound();
    } else if (this.#taken) {
      this.#nextRound ??= this.#round.then(() => {
        this.#nextRound = undefined;
        return this.flush();
      });
      return this.#nextRound;
    }
    return this.#round;
  }

  /** Flushes, but not for ever: what cannot be written now is delivered again when its leases run out. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.flush();
  }

  async #writeRound(): Promise<void> {
    let failed = false;
    for (;;) {
      const lastTry = this.#closing;
      try {
        const lost = await this.#parts.writer.run(this.#write, { lazy: true, keepTrying: () => !this.#closing });
        this.#written(lost);
        break;
      } catch (error) {
        if (lastTry) {
          this.#giveUp(error);
          break;
        }
        // A full disk, say. Nothing is lost: the leases are extended, and this is tried again.
        const message = `settlements cannot be written, trying again: ${text(error)}`;
        if (!failed) this.#parts.onNotice({ kind: 'degraded', message });
        failed = true;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
    this.#writing = [];
    this.#taken = false;
    this.#round = undefined;
  }

  /** In a transaction. Whatever is settled up to this instant goes into it. @returns those someone else has by now */
  readonly #write = (): SqliteDelivery[] => {
    this.#writing = this.#writing.length === 0 ? this.#waiting : this.#writing.concat(this.#waiting);
    this.#waiting = [];
    this.#taken = true;
    const { seat } = this.#parts;
    const now = seat.clock.now();
    markRanges(seat, this.#writing);
    const lost = this.#writing.filter((delivery) => !settle(seat, delivery, now));
    if (this.#untrimmed + this.#writing.length >= TRIM_EVERY) trim(seat.statements, seat.queue);
    return lost;
  };

  #written(lost: readonly SqliteDelivery[]): void {
    const { holdings, onLost } = this.#parts;
    this.#untrimmed += this.#writing.length;
    if (this.#untrimmed >= TRIM_EVERY) this.#untrimmed = 0;
    for (const delivery of this.#writing) holdings.written(delivery);
    for (const delivery of lost) {
      onLost(delivery);
      // The row was the whole range's: the rest of it is lost as well, and had better know soon.
      if (delivery.hold.kind !== 'range') continue;
      for (const other of holdings.lose(delivery.hold)) {
        other.settlement = 'lost';
        onLost(other);
      }
    }
  }

  #giveUp(error: unknown): void {
    const count = this.#writing.length + this.#waiting.length;
    this.#waiting = [];
    const message = `${count} settlements could not be written before closing, so these are delivered again: ${text(error)}`;
    this.#parts.onNotice({ kind: 'degraded', message });
  }
}

/** In a transaction. */
function markRanges({ statements }: Seat, deliveries: readonly SqliteDelivery[]): void {
  const ranges = new Set<RangeHold>();
  for (const { hold, message } of deliveries) {
    if (hold.kind !== 'range') continue;
    hold.settle(message);
    ranges.add(hold);
  }
  for (const range of ranges) {
    const { changes } = range.finished
      ? statements.dropLease.run(range.token)
      : statements.markLease.run(range.done, range.token);
    range.ours = Number(changes) === 1;
  }
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
