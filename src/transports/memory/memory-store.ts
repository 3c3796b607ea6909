import type { DeadLetter } from '../../contracts/dead-letter.js';
import type { PastEvent } from '../../contracts/history.js';

/** One message as one group sees it. */
export interface Item {
  readonly id: string;
  readonly body: Uint8Array;
  readonly publishedAt: number;
  readonly target: string | undefined;
  attempts: number;
  crashes: number;
  /** Ms since the epoch. */
  due: number;
  /** Fencing: a new one each time it is claimed; undefined while nobody holds it. */
  lease: { readonly token: number; readonly holder: string; until: number } | undefined;
}

/** What one group has of one queue, in the order it is to be received. */
export class Subscription {
  readonly items = new Set<Item>();
  /** False: something was handed over to the group here, but it has never consumed; what is published passes it by. */
  registered = false;
}

/** Everything a memory transport holds. Give one store to two transports and they are two processes on one broker. */
export class MemoryStore {
  readonly queues = new Map<string, Map<string, Subscription>>();
  /** Published where no group is registered yet: the first one gets it. */
  readonly unclaimed = new Map<string, Item[]>();
  /** Published, whatever has become of it since; nothing unless the store keeps a history. */
  readonly past = new Map<string, PastEvent[]>();
  readonly dead = new Map<string, DeadLetter & { readonly message: string }>();
  readonly keepsHistory: boolean;
  #last = 0;
  readonly #waiters = new Set<() => void>();

  /** @param history keep everything that was published, for as long as the process lives. Default: nothing */
  constructor({ history = false } = {}) {
    this.keepsHistory = history;
  }

  nextId(): number {
    return ++this.#last;
  }

  /** The group is there from now on: the first one of a queue gets what waits there. */
  register(queue: string, group: string): Subscription {
    const subscription = this.subscription(queue, group);
    subscription.registered = true;
    for (const item of this.unclaimed.get(queue) ?? []) subscription.items.add(item);
    this.unclaimed.delete(queue);
    return subscription;
  }

  subscription(queue: string, group: string): Subscription {
    let groups = this.queues.get(queue);
    if (!groups) this.queues.set(queue, (groups = new Map()));
    let subscription = groups.get(group);
    if (!subscription) groups.set(group, (subscription = new Subscription()));
    return subscription;
  }

  /** A copy for every group, so that each has its own fate. */
  publish(queue: string, message: Pick<Item, 'body' | 'publishedAt' | 'due'>): void {
    const item = (): Item => ({ ...message, id, target: undefined, attempts: 0, crashes: 0, lease: undefined });
    const number = this.nextId();
    const id = `memory:${number}`;
    if (this.keepsHistory) this.#remember(queue, { position: String(number), id, ...message });
    const groups = [...(this.queues.get(queue)?.values() ?? [])].filter(({ registered }) => registered);
    for (const { items } of groups) items.add(item());
    if (groups.length === 0) {
      const waiting = this.unclaimed.get(queue);
      if (waiting) waiting.push(item());
      else this.unclaimed.set(queue, [item()]);
    }
    this.changed();
  }

  #remember(queue: string, { position, id, body, publishedAt }: PastEvent): void {
    const past = this.past.get(queue) ?? [];
    this.past.set(queue, past);
    past.push({ position, id, body, publishedAt });
  }

  /** Something is held, or ready to be received. */
  isBusy(now: number): boolean {
    for (const groups of this.queues.values()) {
      for (const { items } of groups.values()) {
        for (const item of items) if (item.lease || item.due <= now) return true;
      }
    }
    return false;
  }

  changed(): void {
    for (const wake of Array.from(this.#waiters)) wake();
  }

  /** Calls `wake` at every change; the returned function ends that. */
  onChange(wake: () => void): () => void {
    this.#waiters.add(wake);
    return () => this.#waiters.delete(wake);
  }

  /** Resolves at the next change. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      const forget = this.onChange(() => {
        forget();
        resolve();
      });
    });
  }
}
