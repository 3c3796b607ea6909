import type { Clock } from '../contracts/clock.js';
import type { ConsumeOptions, Consumer, TransportNotice } from '../contracts/transport.js';
import { Wakeup } from '../contracts/wakeup.js';
import type { Client } from './redis-client.js';
import type { RedisConnection } from './redis-connection.js';
import type { RedisDelivery, Settlement, Settler } from './redis-delivery.js';
import { RedisFailure } from './redis-failure.js';
import { LOOK_MS, Looks, lookMs } from './redis-looks.js';
import { type Round, Settling } from './redis-settling.js';
import type { RedisWaiter } from './redis-waiter.js';

export interface Claimed {
  readonly deliveries: RedisDelivery[];
  /** Ms until something beside the queue itself is due; 0: there may be more than was asked for. */
  readonly nextDueMs: number;
}

/** How one group takes from one queue and gives back: what differs between the kinds of queues in Redis. */
export interface Source {
  /** The name it claims under. */
  readonly holder: string;
  /** @param lookMs no longer than this what is beside the queue itself goes without a look */
  claim(max: number, settler: Settler, lookMs: number): Promise<Claimed>;
  /** Told twice is told once. */
  settle(deliveries: readonly RedisDelivery[]): Round;
  /** @returns those that turned out to be lost; nothing said about them counts any more */
  extend(): Promise<readonly RedisDelivery[]>;
  /** Everything unsettled that was lost with this delivery. */
  lose(delivery: RedisDelivery): readonly RedisDelivery[];
  begin(delivery: RedisDelivery): Promise<void>;
  /** Received, and nothing was said yet. */
  unsettled(): readonly RedisDelivery[];
  /** Something beside the queue itself is due in so many ms. */
  expect(ms: number): void;
  /** Blocks on the server for at most `ms`, taking nothing; true: there may be something in the queue itself. */
  wait(client: Client, ms: number): Promise<boolean>;
  /** Gives back what was claimed for nobody, because the answer was lost. */
  leave(): Promise<void>;
}

export interface ConsumerParts {
  readonly connection: RedisConnection;
  readonly waiter: RedisWaiter;
  readonly source: Source;
  readonly clock: Clock;
  readonly onClose: () => Promise<void>;
}

export interface NextOptions {
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** After a refusal; a key of the wrong kind does not mend itself in a moment. */
const REFUSED_MS = 1000;
const REFUSED_AGAIN_MS = 60_000;

/** One queue as one group sees it, shared with every other consumer of that group in any process. */
export class RedisConsumer implements Consumer, Settler {
  readonly queue: string;
  readonly #options: ConsumeOptions;
  readonly #parts: ConsumerParts;
  readonly #settling: Settling;
  #claiming: Promise<unknown> = Promise.resolve();
  readonly #looks = new Looks();
  readonly #stopHearing: () => void;
  #refusedAt = Number.NEGATIVE_INFINITY;
  /** The last look did. */
  #found = false;
  readonly #woken = new Wakeup();
  #stopBeat: () => void = () => undefined;
  #beating = false;
  #closed: Promise<void> | undefined;

  constructor(options: ConsumeOptions, parts: ConsumerParts) {
    this.queue = options.queue;
    this.#options = options;
    this.#parts = parts;
    const { connection, source } = parts;
    this.#settling = new Settling({
      connection,
      prepare: (deliveries) => source.settle(deliveries),
      onWritten: (lost) => this.#lost(lost),
      onNotice: this.#notice,
    });
    this.#stopHearing = parts.waiter.onTold((ms) => this.#hear(ms));
    this.#beatLater();
  }

  get holder(): string {
    return this.#parts.source.holder;
  }

  async next(max: number, { waitMs = Number.POSITIVE_INFINITY, signal }: NextOptions = {}): Promise<RedisDelivery[]> {
    const giveUpAt = performance.now() + waitMs;
    while (max > 0 && !this.#closed && !signal?.aborted) {
      // Only a look that found nothing tells that there is nothing.
      const isUnsure = this.#found && giveUpAt <= performance.now();
      if (waitMs <= 0 || this.#looks.leftMs <= 0 || isUnsure) {
        const found = await this.#claim(max, signal);
        if (found.length > 0) return found;
      }
      const left = giveUpAt - performance.now();
      // No answer is not the answer that there is nothing: that could end a worker that stops when there is nothing to do.
      if (left <= 0 && this.#parts.connection.isReady) break;
      await this.#news(Math.min(left > 0 ? left : LOOK_MS, this.#looks.leftMs), signal);
    }
    return [];
  }

  async begin(delivery: RedisDelivery): Promise<void> {
    const { connection, source } = this.#parts;
    for (;;) {
      try {
        return await source.begin(delivery);
      } catch (error) {
        if (!(error instanceof RedisFailure) || !error.passes) throw error;
        await connection.ready(LOOK_MS);
        if (this.#closed) return;
      }
    }
  }

  settle(delivery: RedisDelivery, settlement: Settlement): Promise<void> {
    if (delivery.settlement !== undefined) return this.#settling.flush();
    delivery.settlement = settlement;
    const written = this.#settling.add(delivery);
    if (settlement === 'ack') return written;
    return written.then(() => this.#comesBack(settlement));
  }

  flush(): Promise<void> {
    return this.#settling.flush();
  }

  /** There may be something; `handedBack`: beside the queue itself. */
  look(handedBack = true): void {
    if (handedBack) this.#parts.source.expect(0);
    this.#looks.expect(0);
    this.#woken.wake();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { source, onClose } = this.#parts;
    // In the next turn, when `closed` is set, so that whoever wakes up sees it.
    await Promise.resolve();
    this.#woken.wake();
    await this.#claiming;
    for (const delivery of source.unsettled()) void this.settle(delivery, 'release');
    await this.#settling.close();
    this.#stopBeat();
    this.#stopHearing();
    await source.leave();
    await onClose();
  }

  async #claim(max: number, signal: AbortSignal | undefined): Promise<RedisDelivery[]> {
    const { source, waiter } = this.#parts;
    const longest = lookMs(waiter.hears, this.#options.visibilityMs);
    this.#looks.begin();
    const claiming = this.#settling.along(() => source.claim(max, this, longest));
    this.#claiming = claiming.catch(() => undefined);
    try {
      const { deliveries, nextDueMs } = await claiming;
      this.#refusedAt = Number.NEGATIVE_INFINITY;
      this.#found = deliveries.length > 0;
      this.#looks.end(Math.min(nextDueMs, longest));
      return deliveries;
    } catch (error) {
      if (!(error instanceof RedisFailure)) throw error;
      await this.#failed(error, signal);
      return [];
    }
  }

  async #failed({ outcome, message }: RedisFailure, signal: AbortSignal | undefined): Promise<void> {
    if (outcome !== 'refused') {
      // Reported by the connection. From the first moment that it is there again there may be something.
      this.#looks.end(0);
      await Promise.race([this.#parts.connection.ready(LOOK_MS, signal), this.#sleep(LOOK_MS, signal)]);
      return;
    }
    const now = performance.now();
    this.#looks.end(REFUSED_MS);
    if (now - this.#refusedAt < REFUSED_AGAIN_MS) return;
    this.#refusedAt = now;
    this.#notice({ kind: 'degraded', message: `nothing can be received from ${this.queue}, trying again: ${message}` });
  }

  /** Until there is news, `ms` have passed, `signal` aborts or this is closed. */
  async #news(ms: number, signal: AbortSignal | undefined): Promise<void> {
    const forget = this.#parts.waiter.onNews((handedBack) => this.look(handedBack));
    await this.#sleep(ms, signal);
    forget();
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || this.#closed || signal?.aborted) return Promise.resolve();
    return this.#woken.wait(Math.ceil(ms), signal);
  }

  /** What is handed back here makes no noise elsewhere: whoever waits in this process is told. */
  #comesBack(settlement: Settlement): void {
    let soonest = settlement === 'release' ? 0 : Number.POSITIVE_INFINITY;
    if (typeof settlement === 'object') {
      for (const next of settlement) if (next.kind === 'postponed') soonest = Math.min(soonest, next.delayMs);
    }
    if (soonest <= 0) this.#parts.waiter.ring(true);
    this.#parts.source.expect(soonest);
    // Who sleeps has to reckon anew.
    if (this.#looks.expect(soonest)) this.#woken.wake();
  }

  #hear(ms: number): void {
    this.#parts.source.expect(ms);
    if (this.#looks.hear(ms)) this.#woken.wake();
  }

  #beatLater(): void {
    const { clock } = this.#parts;
    this.#stopBeat = clock.after(Math.max(this.#options.visibilityMs / 3, 10), () => {
      void this.#beat();
      this.#beatLater();
    });
  }

  /** Extends what is held for as long as this consumer lives. */
  async #beat(): Promise<void> {
    if (this.#beating) return;
    this.#beating = true;
    try {
      this.#lost(await this.#parts.source.extend());
    } catch (error) {
      // The next beat, or its end, tells. An outage is reported by the connection.
      if (error instanceof RedisFailure && error.outcome === 'refused') {
        this.#notice({ kind: 'degraded', message: `leases cannot be extended, trying again: ${error.message}` });
      }
    } finally {
      this.#beating = false;
    }
  }

  #lost(deliveries: readonly RedisDelivery[]): void {
    for (const delivery of deliveries) {
      this.#notice({ kind: 'lease_lost', queue: this.queue, id: delivery.id });
      for (const other of this.#parts.source.lose(delivery)) {
        this.#notice({ kind: 'lease_lost', queue: this.queue, id: other.id });
      }
    }
  }

  readonly #notice = (notice: TransportNotice): void => {
    this.#options.onNotice(notice);
  };
}
