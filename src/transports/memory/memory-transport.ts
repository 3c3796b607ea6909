import { type Clock, systemClock } from '../../contracts/clock.js';
import type { DeadLetter, DeadLetterAccess, DeadLetterFilter } from '../../contracts/dead-letter.js';
import { ThrunError } from '../../contracts/errors.js';
import type { HistoryAccess } from '../../contracts/history.js';
import type {
  ConsumeOptions,
  Consumer,
  Holder,
  OutgoingMessage,
  QueueAccess,
  QueueStats,
  Transport,
  TransportTraits,
} from '../../contracts/transport.js';
import { MemoryConsumer } from './memory-consumer.js';
import { MemoryHistory } from './memory-history.js';
import { type Item, MemoryStore } from './memory-store.js';

/** The reference implementation: every promise of a transport in the plainest code, inside one process. For tests. */
export class MemoryTransport implements Transport {
  readonly name = 'memory';
  readonly traits: TransportTraits = {
    fanOut: true,
    atomicPublish: true,
    publishSurvives: 'nothing',
    ordered: true,
    persistent: false,
    multiProcess: false,
  };
  readonly deadLetters: DeadLetterAccess;
  readonly queues: QueueAccess;
  readonly history?: HistoryAccess;
  readonly #store: MemoryStore;
  readonly #clock: Clock;
  readonly #consumers = new Set<Consumer>();
  #closed = false;

  constructor(store: MemoryStore = new MemoryStore(), clock: Clock = systemClock) {
    this.#store = store;
    this.#clock = clock;
    this.deadLetters = new MemoryDeadLetters(store, clock);
    this.queues = new MemoryQueues(store, clock);
    if (store.keepsHistory) this.history = new MemoryHistory(store, clock);
  }

  async open(): Promise<void> {
    this.#refuseWhenClosed();
  }

  async publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    this.#refuseWhenClosed();
    const now = this.#clock.now();
    for (const { body, deliverAt = now } of messages) {
      // A copy: a broker keeps what was sent, whatever the sender does with its buffer afterwards.
      this.#store.publish(queue, { body: Uint8Array.from(body), publishedAt: now, due: Math.max(deliverAt, now) });
    }
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#refuseWhenClosed();
    const consumer: Consumer = new MemoryConsumer(options, this.#store, this.#clock, () =>
      this.#consumers.delete(consumer),
    );
    this.#consumers.add(consumer);
    return consumer;
  }

  async bury({ queue, group, holder }: Holder): Promise<void> {
    this.#refuseWhenClosed();
    for (const { lease } of this.#store.subscription(queue, group).items) {
      if (lease?.holder === holder) lease.until = Number.NEGATIVE_INFINITY;
    }
    this.#store.changed();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new ThrunError('THRUN_TRANSPORT_CLOSED', ['memory']);
  }
}

class MemoryDeadLetters implements DeadLetterAccess {
  constructor(
    private readonly store: MemoryStore,
    private readonly clock: Clock,
  ) {}

  async list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]> {
    return this.#matching(filter).slice(0, limit);
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    return this.#matching(filter).length;
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    return this.store.dead.get(id);
  }

  async retry(ids: readonly string[]): Promise<number> {
    const letters = [...new Set(ids)].flatMap((id) => this.store.dead.get(id) ?? []);
    for (const { id, message, queue, group, body, publishedAt, target } of letters) {
      this.store.dead.delete(id);
      const due = this.clock.now();
      const item = {
        id: message,
        body,
        publishedAt: publishedAt ?? due,
        target,
        attempts: 0,
        crashes: 0,
        due,
        lease: undefined,
      };
      this.store.subscription(queue, group).items.add(item);
    }
    this.store.changed();
    return letters.length;
  }

  async forget(ids: readonly string[]): Promise<number> {
    return ids.filter((id) => this.store.dead.delete(id)).length;
  }

  #matching({ event, queue, group, since }: DeadLetterFilter): DeadLetter[] {
    return [...this.store.dead.values()].filter(
      (letter) =>
        (event === undefined || letter.event === event) &&
        (queue === undefined || letter.queue === queue) &&
        (group === undefined || letter.group === group) &&
        (since === undefined || letter.diedAt >= since),
    );
  }
}

class MemoryQueues implements QueueAccess {
  constructor(
    private readonly store: MemoryStore,
    private readonly clock: Clock,
  ) {}

  async stats(): Promise<readonly QueueStats[]> {
    const rows: QueueStats[] = [];
    for (const [queue, groups] of this.store.queues) {
      for (const [group, subscription] of groups) rows.push(this.#statsOf(queue, group, subscription.items));
    }
    for (const [queue, items] of this.store.unclaimed) {
      rows.push(this.#statsOf(queue, '', new Set(items)));
    }
    return rows.sort((a, b) => compare(a.queue, b.queue) || compare(a.group, b.group));
  }

  async purge(queue: string): Promise<number> {
    const waiting = this.store.unclaimed.get(queue)?.length ?? 0;
    this.store.unclaimed.delete(queue);
    const removed = new Set<string>();
    for (const { items } of this.store.queues.get(queue)?.values() ?? []) {
      for (const item of [...items]) {
        if (item.lease) continue;
        items.delete(item);
        removed.add(item.id);
      }
    }
    return waiting + removed.size;
  }

  #statsOf(queue: string, group: string, items: ReadonlySet<Item>): QueueStats {
    const now = this.clock.now();
    const all = [...items];
    const free = all.filter((item) => !item.lease);
    const ready = free.filter((item) => item.due <= now);
    const retries = free.filter((item) => item.due > now && item.attempts > 0);
    return {
      queue,
      group,
      depth: ready.length,
      inFlight: all.length - free.length,
      delayed: free.length - ready.length,
      dead: [...this.store.dead.values()].filter((letter) => letter.queue === queue && letter.group === group).length,
      oldestAgeMs: ready.length > 0 ? now - Math.min(...ready.map((item) => item.publishedAt)) : undefined,
      nextRetryMs: retries.length > 0 ? Math.min(...retries.map((item) => item.due)) - now : undefined,
    };
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
