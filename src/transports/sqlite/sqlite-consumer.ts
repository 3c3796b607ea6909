import type { Clock } from '../../contracts/clock.js';
import type { Successor } from '../../contracts/delivery.js';
import type { ConsumeOptions, Consumer } from '../../contracts/transport.js';
import { SqliteDelivery, type Settlement, type Settler } from './sqlite-delivery.js';
import { isBusy } from './sqlite-driver.js';
import { isDone, type ParcelHold, RangeHold } from './sqlite-lease.js';
import { promoteScheduled, queueNumber, spanOf, trim } from './sqlite-log.js';
import type { Statements } from './sqlite-statements.js';
import type { Waker } from './sqlite-waker.js';
import type { Writer } from './sqlite-writer.js';

/** What the transport lends its consumers. */
export interface ConsumerParts {
  readonly statements: Statements;
  readonly writer: Writer;
  readonly waker: Waker;
  readonly clock: Clock;
  /** The file's own id, part of every message's. */
  readonly store: string;
  readonly tidy: () => void;
  readonly onClose: () => void;
}

/** A wall clock that has moved by more than this against the monotonic one was set, not waited for. */
const CLOCK_JUMP_MS = 5000;
/** An idle consumer looks after the file this often. */
const TIDY_MS = 1000;
/** Somebody else was quicker, or a lease that ran out may not be touched yet: no reason to spin. */
const EMPTY_CLAIM_MS = 10;

/** One queue as one group sees it, shared with every other consumer of that group in any process. */
export class SqliteConsumer implements Consumer, Settler {
  readonly queue: string;
  readonly #group: string;
  readonly #visibilityMs: number;
  readonly #options: ConsumeOptions;
  readonly #parts: ConsumerParts;
  readonly #owner = crypto.randomUUID();
  readonly #number: number;
  /** Everything received and not settled. */
  readonly #held = new Set<SqliteDelivery>();
  #settled: Settled[] = [];
  #flushing: Promise<void> | undefined;
  /** The running flush has taken what it writes: whatever is settled from here on needs the next one. */
  #taken = false;
  #claiming: Promise<unknown> = Promise.resolve();
  #heartbeat: NodeJS.Timeout;
  #clockOffset: number;
  #reapAgainAt = 0;
  #closed: Promise<void> | undefined;

  private constructor(options: ConsumeOptions, parts: ConsumerParts, number: number) {
    this.queue = options.queue;
    this.#group = options.group;
    this.#visibilityMs = options.visibilityMs;
    this.#options = options;
    this.#parts = parts;
    this.#number = number;
    this.#clockOffset = parts.clock.now() - performance.now();
    this.#heartbeat = setInterval(() => void this.#beat(), Math.max(options.visibilityMs / 3, 10)).unref();
  }

  /** Registers the group: the first one of a queue gets what waits there, a later one what comes from now on. */
  static async open(options: ConsumeOptions, parts: ConsumerParts): Promise<SqliteConsumer> {
    const { statements, writer } = parts;
    const register = () => {
      const queue = queueNumber(statements, options.queue);
      const { n: groups } = statements.countGroups.get(queue) as { n: number };
      const start = groups === 0 ? spanOf(queue).before : (statements.lastUsed.get(queue) as { used: number }).used;
      statements.addGroup.run(queue, options.group, start);
      return queue;
    };
    return new SqliteConsumer(options, parts, await writer.run(register, { durable: true }));
  }

  idOf(message: number): string {
    return `${this.#parts.store}:${message}`;
  }

  async next(max: number, { waitMs = Number.POSITIVE_INFINITY, signal }: { waitMs?: number; signal?: AbortSignal } = {}) {
    const { waker } = this.#parts;
    const giveUpAt = performance.now() + waitMs;
    while (!this.#closed && !signal?.aborted) {
      const { generation } = waker;
      const waitFor = this.#look();
      if (waitFor <= 0) {
        const claim = this.#parts.writer.run(() => this.#claim(max), { patient: true });
        this.#claiming = claim.catch(() => undefined);
        const batch = await claim;
        for (const delivery of batch) this.#held.add(delivery);
        if (batch.length > 0) return batch;
      }
      const left = giveUpAt - performance.now();
      if (left <= 0) break;
      await waker.wait(generation, Math.min(Math.max(waitFor, EMPTY_CLAIM_MS), left, TIDY_MS), signal);
      if (generation === waker.generation) this.#parts.tidy();
    }
    return [];
  }

  settle(delivery: SqliteDelivery, settlement: Settlement): Promise<void> {
    if (!delivery.settled) {
      delivery.settled = true;
      this.#held.delete(delivery);
      this.#settled.push({ delivery, settlement });
    }
    return this.#flushSoon();
  }

  async flush(): Promise<void> {
    while (this.#flushing) await this.#flushing;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#parts.waker.changed();
    await this.#claiming;
    for (const delivery of [...this.#held]) void this.settle(delivery, 'release');
    await this.flush();
    clearInterval(this.#heartbeat);
    this.#parts.onClose();
  }

  /** Without taking the lock: ms until there may be something to claim; 0 or less when there is. */
  #look(): number {
    const { statements, clock } = this.#parts;
    try {
      const { cursor } = statements.cursor.get(this.#number, this.#group) as { cursor: number };
      if (statements.anyInLog.get(cursor, spanOf(this.#number).last)) return 0;
      const { at } = statements.nextDue.get(this.#number, this.#group) as { at: number | null };
      return at === null ? Number.POSITIVE_INFINITY : at - clock.now();
    } catch (error) {
      if (isBusy(error)) return 5;
      throw error;
    }
  }

  /** In a transaction: takes what others lost, then retries that are due, then the log. */
  #claim(max: number): SqliteDelivery[] {
    const { statements, clock } = this.#parts;
    const now = clock.now();
    this.#reap(now);
    promoteScheduled(statements, this.#number, now);
    const batch = this.#claimParcels(max, now);
    if (batch.length < max) this.#claimRange(batch, max - batch.length, now);
    return batch;
  }

  #claimParcels(max: number, now: number): SqliteDelivery[] {
    const { statements } = this.#parts;
    if (statements.anyParcelDue.get(this.#number, this.#group, now) === undefined) return [];
    const rows = statements.claimParcels.all(this.#owner, now + this.#visibilityMs, this.#number, this.#group, now, max);
    // RETURNING promises no order.
    return (rows as ParcelRow[])
      .sort((a, b) => a.due - b.due || a.id - b.id)
      .map((row) => {
        const hold = { kind: 'parcel', id: row.id, attempts: row.attempts } as const;
        const { message, body, published_at, attempts, crashes, target } = row;
        return new SqliteDelivery(this, hold, message, body, published_at, attempts, crashes, target ?? undefined);
      });
  }

  #claimRange(batch: SqliteDelivery[], max: number, now: number): void {
    const { statements } = this.#parts;
    const { cursor } = statements.cursor.get(this.#number, this.#group) as { cursor: number };
    const rows = statements.readLog.all(cursor, spanOf(this.#number).last, max) as LogRow[];
    const first = rows[0]?.id;
    const last = rows.at(-1)?.id;
    if (first === undefined || last === undefined) return;
    const token = Math.floor(Math.random() * Number.MAX_SAFE_INTEGER);
    const hold = new RangeHold(token, first, last, performance.now(), rows.length);
    statements.moveCursor.run(last, this.#number, this.#group);
    statements.addLease.run(token, this.#number, this.#group, this.#owner, first, last, hold.done, now + this.#visibilityMs);
    for (const { id, body, published_at } of rows) {
      batch.push(new SqliteDelivery(this, hold, id, body, published_at, 1, 0, undefined));
    }
  }

  /** In a transaction: whatever a dead or stalled consumer of this group held is free again, counted as a crash. */
  #reap(now: number): void {
    const { statements } = this.#parts;
    if (!this.#clockIsSteady()) return;
    statements.reapParcels.run(now, this.#number, this.#group, now);
    for (const lease of statements.expiredLeases.all(this.#number, this.#group, now) as LeaseRow[]) {
      const rows = statements.readLog.all(lease.first - 1, lease.last, -1) as LogRow[];
      for (const row of rows) {
        if (isDone(lease.done, lease.first, row.id)) continue;
        this.#addParcel(row.id, null, row.body, row.published_at, 1, 1, now, false, this.#number);
      }
      statements.dropLease.run(lease.token);
      trim(statements, this.#number);
    }
  }

  /** After a jump of the wall clock every lease looks old or new; their owners get one full term to renew them. */
  #clockIsSteady(): boolean {
    const offset = this.#parts.clock.now() - performance.now();
    if (Math.abs(offset - this.#clockOffset) > CLOCK_JUMP_MS) this.#reapAgainAt = performance.now() + this.#visibilityMs;
    this.#clockOffset = offset;
    return performance.now() >= this.#reapAgainAt;
  }

  /** All settlements since the last one in one transaction; callers of the same round share one promise. */
  #flushSoon(): Promise<void> {
    if (this.#flushing === undefined) this.#flushing = this.#flushNow();
    else if (this.#taken) return this.#flushing.then(() => this.#flushSoon());
    return this.#flushing;
  }

  async #flushNow(): Promise<void> {
    const taken: Settled[] = [];
    const write = (): SqliteDelivery[] => {
      // Taken only now: what was settled up to this instant goes into this transaction, and a retry repeats all of it.
      taken.push(...this.#settled);
      this.#settled = [];
      this.#taken = true;
      return this.#writeSettlements(taken);
    };
    try {
      const lost = await this.#parts.writer.run(write, { lazy: true, patient: true });
      for (const delivery of lost) this.#reportLost(delivery);
      this.#taken = false;
      this.#flushing = undefined;
      if (this.#settled.length > 0) void this.#flushSoon();
    } catch (error) {
      // A full disk, say. Nothing is lost: the leases stand until they run out, and this is tried again before.
      this.#settled = [...taken, ...this.#settled];
      this.#taken = false;
      this.#options.onNotice({ kind: 'degraded', message: `settlements cannot be written, trying again: ${String(error)}` });
      await new Promise((resolve) => setTimeout(resolve, 250));
      return this.#flushNow();
    }
  }

  /** In a transaction. @returns those whose lease someone else has by now */
  #writeSettlements(items: readonly Settled[]): SqliteDelivery[] {
    const { statements, clock } = this.#parts;
    const now = clock.now();
    const lost: SqliteDelivery[] = [];
    const ranges = new Map<RangeHold, boolean>();
    for (const { delivery } of items) {
      if (delivery.hold.kind !== 'range') continue;
      delivery.hold.settle(delivery.message);
      ranges.set(delivery.hold, true);
    }
    let finished = false;
    for (const range of ranges.keys()) {
      const { changes } = range.finished
        ? statements.dropLease.run(range.token)
        : statements.markLease.run(range.done, range.token);
      ranges.set(range, Number(changes) === 1);
      finished ||= range.finished;
    }
    for (const { delivery, settlement } of items) {
      const ours =
        delivery.hold.kind === 'range' ? ranges.get(delivery.hold) === true : this.#settleParcel(delivery, settlement, now);
      if (!ours) lost.push(delivery);
      else if (settlement === 'release') this.#putBack(delivery, now);
      else if (settlement !== 'ack') this.#addSuccessors(delivery, settlement, now);
    }
    if (finished) trim(statements, this.#number);
    return lost;
  }

  #settleParcel(delivery: SqliteDelivery, settlement: Settlement, now: number): boolean {
    const { statements } = this.#parts;
    const { hold } = delivery;
    if (hold.kind !== 'parcel') return false;
    const { changes } =
      settlement === 'release'
        ? statements.freeParcel.run(now, hold.id, this.#owner, hold.attempts)
        : statements.dropParcel.run(hold.id, this.#owner, hold.attempts);
    return Number(changes) === 1;
  }

  /** A released parcel was put back by its own statement; a message of a range becomes a parcel. */
  #putBack(delivery: SqliteDelivery, now: number): void {
    if (delivery.hold.kind !== 'range') return;
    const { message, body, publishedAt, attempt, crashes } = delivery;
    this.#addParcel(message, null, body, publishedAt, attempt - 1, crashes, now, false, this.#number);
  }

  #addSuccessors(delivery: SqliteDelivery, successors: readonly Successor[], now: number): void {
    const { statements } = this.#parts;
    const { message, body, publishedAt } = delivery;
    for (const next of successors) {
      const target = next.target ?? null;
      if (next.kind === 'postponed') {
        const queue = next.queue === undefined ? this.#number : queueNumber(statements, next.queue);
        this.#addParcel(message, target, body, publishedAt, next.attempts, next.crashes, now + next.delayMs, false, queue);
      } else {
        const { reason, error, event, eventId, attempts } = next;
        statements.addDead.run(
          message, this.#number, this.#group, target, reason, error, event ?? null, eventId ?? null, attempts, body, publishedAt, now,
        );
      }
    }
  }

  #addParcel(
    message: number, target: string | null, body: Uint8Array, publishedAt: number,
    attempts: number, crashes: number, due: number, ours: boolean, queue: number,
  ): number {
    const { statements, clock } = this.#parts;
    const { lastInsertRowid } = statements.addParcel.run(
      message, queue, this.#group, target, body, publishedAt, attempts, crashes, Math.ceil(due),
      ours ? this.#owner : null, ours ? clock.now() + this.#visibilityMs : null,
    );
    return Number(lastInsertRowid);
  }

  /**
   * Extends what is held. A range that is still open after a third of its term becomes parcels of ours: one listener
   * that runs for an hour must not keep the log behind it from being trimmed.
   */
  async #beat(): Promise<void> {
    if (this.#held.size === 0) return;
    try {
      const { lost, moved } = await this.#parts.writer.run(() => this.#renew(), { patient: true });
      // Only now: had the transaction been undone, they would still be in their range.
      for (const [delivery, hold] of moved) delivery.hold = hold;
      for (const delivery of lost) {
        if (delivery.settled) continue;
        delivery.settled = true;
        this.#held.delete(delivery);
        this.#reportLost(delivery);
      }
    } catch (error) {
      this.#options.onNotice({ kind: 'degraded', message: `leases cannot be extended: ${String(error)}` });
    }
  }

  /** In a transaction. @returns those that someone else has by now */
  #renew(): { lost: SqliteDelivery[]; moved: [SqliteDelivery, ParcelHold][] } {
    const { statements, clock } = this.#parts;
    this.#clockIsSteady();
    const until = clock.now() + this.#visibilityMs;
    const old = performance.now() - this.#visibilityMs / 4;
    // A range with settlements still to be written stays one, so that they find it.
    const unwritten = new Set(this.#settled.map(({ delivery }) => delivery.hold));
    const lost: SqliteDelivery[] = [];
    const moved: [SqliteDelivery, ParcelHold][] = [];
    const byRange = new Map<RangeHold, SqliteDelivery[]>();
    for (const delivery of this.#held) {
      const { hold } = delivery;
      if (hold.kind !== 'range' || hold.claimedAt > old || unwritten.has(hold)) continue;
      const open = byRange.get(hold);
      if (open) open.push(delivery);
      else byRange.set(hold, [delivery]);
    }
    for (const [range, open] of byRange) {
      if (Number(statements.dropLease.run(range.token).changes) === 0) {
        lost.push(...open);
        continue;
      }
      for (const delivery of open) {
        const { message, body, publishedAt, attempt, crashes } = delivery;
        const id = this.#addParcel(message, null, body, publishedAt, attempt, crashes, until, true, this.#number);
        moved.push([delivery, { kind: 'parcel', id, attempts: attempt }]);
      }
    }
    if (byRange.size > 0) trim(statements, this.#number);
    statements.extendLeases.run(until, this.#owner);
    statements.extendParcels.run(until, this.#owner);
    const rows = statements.heldParcels.all(this.#owner) as Pick<ParcelRow, 'id' | 'attempts'>[];
    const ours = new Map(rows.map((row) => [row.id, row.attempts]));
    for (const delivery of this.#held) {
      if (delivery.hold.kind === 'parcel' && ours.get(delivery.hold.id) !== delivery.hold.attempts) lost.push(delivery);
    }
    return { lost, moved };
  }

  #reportLost(delivery: SqliteDelivery): void {
    this.#options.onNotice({ kind: 'lease_lost', queue: this.queue, id: delivery.id });
  }
}

interface Settled {
  readonly delivery: SqliteDelivery;
  readonly settlement: Settlement;
}

interface LogRow {
  readonly id: number;
  readonly body: Uint8Array;
  readonly published_at: number;
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
