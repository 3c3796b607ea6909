import type { Clock } from '../../contracts/clock.js';
import { ThrunError } from '../../contracts/errors.js';
import type { ConsumeOptions, Consumer, TransportNotice } from '../../contracts/transport.js';
import { Claims } from './sqlite-claim.js';
import { ClockGuard } from './sqlite-clock-guard.js';
import type { Settlement, Settler, SqliteDelivery } from './sqlite-delivery.js';
import { isBusy, isPassing } from '../../sqlite/driver.js';
import { Holdings } from './sqlite-lease.js';
import { isTrimmable, lastUsed, queueNumber, trim } from './sqlite-log.js';
import { Renewal } from './sqlite-renewal.js';
import type { Seat } from './sqlite-seat.js';
import { Settling } from './sqlite-settling.js';
import type { Statements } from './sqlite-statements.js';
import type { Waker } from './sqlite-waker.js';
import type { Writer } from '../../sqlite/writer.js';

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

export interface NextOptions {
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** Without news an idle consumer looks this often, and after the file. */
const LOOK_MS = 1000;
/** Somebody else was quicker: no reason to spin. */
const EMPTY_CLAIM_MS = 10;
/** After a failure to claim; doubled with each further one, up to … */
const OUTAGE_MS = 100;
const LONGEST_OUTAGE_MS = 5000;

/** One queue as one group sees it, shared with every other consumer of that group in any process. */
export class SqliteConsumer implements Consumer, Settler {
  readonly queue: string;
  readonly #parts: ConsumerParts;
  readonly #seat: Seat;
  readonly #onNotice: (notice: TransportNotice) => void;
  readonly #holdings = new Holdings();
  readonly #claims: Claims;
  readonly #settling: Settling;
  readonly #renewal: Renewal;
  #claiming: Promise<unknown> = Promise.resolve();
  #outages = 0;
  #closed: Promise<void> | undefined;

  private constructor({ queue, group, visibilityMs, onNotice }: ConsumeOptions, parts: ConsumerParts, number: number) {
    const { statements, clock, writer } = parts;
    const guard = new ClockGuard(clock, visibilityMs);
    const seat = { statements, clock, queue: number, group, owner: crypto.randomUUID(), visibilityMs };
    const onLost = ({ id }: SqliteDelivery) => onNotice({ kind: 'lease_lost', queue, id });
    const common = { seat, writer, holdings: this.#holdings, onLost, onNotice };
    this.queue = queue;
    this.#parts = parts;
    this.#seat = seat;
    this.#onNotice = onNotice;
    this.#claims = new Claims(seat, this, guard);
    this.#settling = new Settling(common);
    this.#renewal = new Renewal({ ...common, guard });
  }

  /** Registers the group: the first one of a queue gets what waits there, a later one what comes from now on. */
  static async open(options: ConsumeOptions, parts: ConsumerParts): Promise<SqliteConsumer> {
    const { statements, writer } = parts;
    const register = () => {
      const queue = queueNumber(statements, options.queue);
      const { n: groups, used } = statements.countGroups.get(queue) as { n: number; used: number };
      statements.addGroup.run(queue, options.group, groups === 0 ? used : lastUsed(statements, queue));
      return queue;
    };
    return new SqliteConsumer(options, parts, await writer.run(register, { durable: true }));
  }

  get holder(): string {
    return this.#seat.owner;
  }

  idOf(message: number): string {
    return `${this.#parts.store}:${message}`;
  }

  async next(max: number, { waitMs = Number.POSITIVE_INFINITY, signal }: NextOptions = {}): Promise<SqliteDelivery[]> {
    const { waker } = this.#parts;
    const giveUpAt = performance.now() + waitMs;
    while (max > 0 && !this.#closed && !signal?.aborted) {
      const { generation } = waker;
      const found = await this.#lookAndClaim(max, signal);
      if (typeof found === 'object') return found;
      const left = giveUpAt - performance.now();
      // Locked out or out of order is not empty: saying so could end a worker that stops when there is nothing to do.
      if (left <= 0 && this.#outages === 0) break;
      const patience = this.#outages > 0 ? LOOK_MS * 5 : Math.min(left, LOOK_MS);
      await waker.wait(generation, Math.min(found, patience), signal);
      if (generation === waker.generation) this.#tidy();
    }
    return [];
  }

  async begin({ hold }: SqliteDelivery): Promise<void> {
    // A suspect has crashed before, so it has left the log.
    if (hold.kind !== 'parcel') return;
    const { id, attempts } = hold;
    const { statements, owner } = this.#seat;
    await this.#parts.writer.run(() => statements.beginParcel.run(id, owner, attempts), {
      keepTrying: () => !this.#closed,
    });
  }

  settle(delivery: SqliteDelivery, settlement: Settlement): Promise<void> {
    if (delivery.settlement !== undefined) return this.#settling.flush();
    delivery.settlement = settlement;
    return this.#settling.add(delivery);
  }

  flush(): Promise<void> {
    return this.#settling.flush();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#parts.waker.changed();
    await this.#claiming;
    for (const delivery of this.#holdings.unsettled()) void this.settle(delivery, 'release');
    await this.#settling.close();
    this.#renewal.stop();
    this.#parts.onClose();
  }

  /** @returns deliveries, or how long it is pointless to look again, ms */
  async #lookAndClaim(max: number, signal: AbortSignal | undefined): Promise<SqliteDelivery[] | number> {
    try {
      const waitFor = this.#claims.look();
      if (waitFor > 0) return waitFor;
      const batch = await this.#claim(max, signal);
      this.#resumed();
      // What came while this was closing is handed back with the rest.
      if (this.#closed) return [];
      return batch.length > 0 ? batch : EMPTY_CLAIM_MS;
    } catch (error) {
      if (this.#closed || isBusy(error) || isGivenUp(error)) return EMPTY_CLAIM_MS;
      if (!isPassing(error)) throw error;
      return this.#outage(error);
    }
  }

  #claim(max: number, signal: AbortSignal | undefined): Promise<SqliteDelivery[]> {
    const keepTrying = () => !this.#closed && !signal?.aborted;
    const committed = (batch: readonly SqliteDelivery[]) => this.#holdings.add(batch);
    const claim = this.#parts.writer.run(() => (keepTrying() ? this.#claims.claim(max) : []), {
      quiet: true,
      keepTrying,
      committed,
    });
    this.#claiming = claim.catch(() => undefined);
    return claim;
  }

  /** A full disk, say: waited out, however long it takes. */
  #outage(error: unknown): number {
    if (this.#outages++ === 0) this.#onNotice({ kind: 'disconnected', error: error as Error });
    return Math.min(OUTAGE_MS * 2 ** this.#outages, LONGEST_OUTAGE_MS);
  }

  #resumed(): void {
    if (this.#outages === 0) return;
    this.#outages = 0;
    this.#onNotice({ kind: 'reconnected' });
  }

  /** There is nothing else to do. */
  #tidy(): void {
    const { writer, statements, tidy } = this.#parts;
    const { queue } = this.#seat;
    try {
      if (isTrimmable(statements, queue)) {
        writer.run(() => trim(statements, queue), { lazy: true, quiet: true }).catch(() => undefined);
      } else tidy();
    } catch {
      // Somebody is busy with the file, or it cannot be written: no time for tidying, and no reason to fail.
    }
  }
}

/** The lock was still taken when the claim was not wanted any more. */
function isGivenUp(error: unknown): boolean {
  return error instanceof ThrunError && error.code === 'THRUN_TRANSPORT_BUSY';
}
