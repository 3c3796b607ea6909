import type { Clock } from '../../contracts/clock.js';
import { type Delivery, SUSPECT_CRASHES, type Successor } from '../../contracts/delivery.js';
import type { ConsumeOptions, Consumer } from '../../contracts/transport.js';
import type { Item, MemoryStore, Subscription } from './memory-store.js';

export class MemoryConsumer implements Consumer {
  readonly holder: string;
  readonly #options: ConsumeOptions;
  readonly #store: MemoryStore;
  readonly #clock: Clock;
  readonly #mine: Subscription;
  readonly #held = new Map<Item, MemoryDelivery>();
  readonly #onClose: () => void;
  #heartbeat: () => void;
  #closed = false;

  constructor(options: ConsumeOptions, store: MemoryStore, clock: Clock, onClose: () => void) {
    this.#options = options;
    this.#store = store;
    this.#clock = clock;
    this.#onClose = onClose;
    this.#mine = store.register(options.queue, options.group);
    this.holder = String(store.nextId());
    this.#heartbeat = this.#beatLater();
  }

  async next(
    max: number,
    { waitMs = Number.POSITIVE_INFINITY, signal }: { waitMs?: number; signal?: AbortSignal } = {},
  ) {
    const giveUpAt = this.#clock.now() + waitMs;
    while (!this.#closed && !signal?.aborted) {
      const batch = this.#claim(max);
      const left = giveUpAt - this.#clock.now();
      if (batch.length > 0 || left <= 0) return batch;
      await this.#change(Math.min(left, this.#nextDue()), signal);
    }
    return [];
  }

  async flush(): Promise<void> {
    // Settlements are done when they are called.
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const delivery of [...this.#held.values()]) await delivery.release();
    this.#heartbeat();
    this.#onClose();
    this.#store.changed();
  }

  /** @returns whether the delivery was still ours */
  settle(delivery: MemoryDelivery, item: Item, how: 'ack' | 'release' | readonly Successor[]): void {
    // It may have come back here since: then the newer receipt is what is held.
    if (this.#held.get(item) === delivery) this.#held.delete(item);
    if (item.lease?.token !== delivery.token) return this.#reportLost(item);
    item.lease = undefined;
    if (how === 'release') {
      item.attempts--;
      item.crashes = delivery.crashes;
      item.due = this.#clock.now();
    } else {
      this.#mine.items.delete(item);
      if (how !== 'ack') for (const next of how) this.#succeed(item, next);
    }
    this.#store.changed();
  }

  #succeed(item: Item, next: Successor): void {
    const { queue, group } = this.#options;
    const { id, body, publishedAt } = item;
    const now = this.#clock.now();
    if (next.kind === 'postponed') {
      const { target, attempts, crashes } = next;
      const successor = { id, body, publishedAt, target, attempts, crashes, due: now + next.delayMs, lease: undefined };
      this.#store.subscription(next.queue ?? queue, group).items.add(successor);
    } else {
      const { kind: _, ...why } = next;
      const letter = String(this.#store.nextId());
      this.#store.dead.set(letter, { ...why, id: letter, message: id, queue, group, body, publishedAt, diedAt: now });
    }
  }

  #claim(max: number): Delivery[] {
    const now = this.#clock.now();
    const batch: Delivery[] = [];
    for (const item of this.#mine.items) {
      if (batch.length >= max) break;
      // Our own are late only because we were kept from extending them: we live.
      if (item.lease && item.lease.until <= now && !this.#holds(item)) {
        item.lease = undefined;
        if (item.crashes < SUSPECT_CRASHES) item.crashes++;
        item.due = now;
      }
      if (item.lease || item.due > now) continue;
      item.attempts++;
      const token = this.#store.nextId();
      item.lease = { token, holder: this.holder, until: now + this.#options.visibilityMs };
      const delivery = new MemoryDelivery(this, item, token, this.#options.queue);
      this.#held.set(item, delivery);
      batch.push(delivery);
    }
    return batch;
  }

  /** Ms until something is due or a lease has run out. */
  #nextDue(): number {
    let at = Number.POSITIVE_INFINITY;
    for (const item of this.#mine.items) if (!this.#holds(item)) at = Math.min(at, item.lease?.until ?? item.due);
    return at - this.#clock.now();
  }

  #holds(item: Item): boolean {
    const delivery = this.#held.get(item);
    return delivery !== undefined && delivery.token === item.lease?.token;
  }

  #change(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        forget();
        cancel();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const forget = this.#store.onChange(done);
      const cancel = Number.isFinite(ms) ? this.#clock.after(ms, done) : () => undefined;
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  /** Extends what is held for as long as this consumer lives. */
  #beatLater(): () => void {
    return this.#clock.after(this.#options.visibilityMs / 3, () => {
      const until = this.#clock.now() + this.#options.visibilityMs;
      for (const [item, delivery] of this.#held) {
        if (item.lease?.token === delivery.token) item.lease.until = until;
        else {
          this.#held.delete(item);
          delivery.lose();
          this.#reportLost(item);
        }
      }
      if (!this.#closed) this.#heartbeat = this.#beatLater();
    });
  }

  #reportLost(item: Item): void {
    this.#options.onNotice({ kind: 'lease_lost', queue: this.#options.queue, id: item.id });
  }
}

class MemoryDelivery implements Delivery {
  readonly id: string;
  readonly body: Uint8Array;
  readonly publishedAt: number;
  readonly attempt: number;
  readonly crashes: number;
  readonly target: string | undefined;
  #settled = false;

  constructor(
    private readonly consumer: MemoryConsumer,
    private readonly item: Item,
    readonly token: number,
    readonly queue: string,
  ) {
    this.id = item.id;
    this.body = item.body;
    this.publishedAt = item.publishedAt;
    this.attempt = item.attempts;
    this.crashes = item.crashes;
    this.target = item.target;
  }

  /** Someone else has it: what is still said about it counts for nothing. */
  lose(): void {
    this.#settled = true;
  }

  begin(): Promise<void> {
    if (!this.#settled && this.item.lease?.token === this.token) this.item.crashes = this.crashes + 1;
    return Promise.resolve();
  }

  ack(): Promise<void> {
    return this.#settle('ack');
  }

  release(): Promise<void> {
    return this.#settle('release');
  }

  handOver(successors: readonly Successor[]): Promise<void> {
    return this.#settle(successors);
  }

  #settle(how: 'ack' | 'release' | readonly Successor[]): Promise<void> {
    if (!this.#settled) this.consumer.settle(this, this.item, how);
    this.#settled = true;
    return Promise.resolve();
  }
}
