import type { OutboxEntry, Step } from '../../../contracts/batch-store.js';
import type { RedisServer } from './redis-server.js';
import { keysOf } from './redis-store-keys.js';
import { entriesFrom } from './redis-store-rows.js';
import { sent } from './redis-store-scripts.js';

/** What a relay has sent, and the lease it had. */
export interface Crossing {
  readonly seq: number;
  readonly held: number;
}

/** It is either done with a step's write, or given back. */
export interface TakenCrossing extends Crossing {
  done(): void;
  giveBack(): void;
}

interface Waiting extends Crossing {
  readonly until: number;
  readonly resolve: (entries: readonly OutboxEntry[] | Promise<readonly OutboxEntry[]>) => void;
}

/** What is not written with a step of its batch within this is written by itself: that jobs have begun … */
const BEGUN_MS = 20;
/** … and what was sent, without which no other process may send what comes next. */
const SENT_MS = 2;

/**
 * What is to be written to batches and need not be at once: that jobs have begun, and what relays have sent. A job that is
 * done soon costs one write.
 */
export class Delayed {
  readonly #server: RedisServer;
  readonly #write: (batchId: string) => Promise<unknown>;
  readonly #steps = new Map<string, Step[]>();
  readonly #crossings = new Map<string, Waiting>();
  #stepsTimer: NodeJS.Timeout | undefined;
  #crossingsTimer: NodeJS.Timeout | undefined;

  /** @param write writes the steps that are held back */
  constructor(server: RedisServer, write: (batchId: string) => Promise<unknown>) {
    this.#server = server;
    this.#write = write;
  }

  /** Steps that were answered and are not written. */
  steps(batchId: string): readonly Step[] {
    return this.#steps.get(batchId) ?? NONE;
  }

  hold(batchId: string, steps: readonly Step[]): void {
    const held = this.#steps.get(batchId);
    if (held) held.push(...steps);
    else this.#steps.set(batchId, [...steps]);
    if (this.#stepsTimer) return;
    this.#stepsTimer = setTimeout(() => {
      this.#stepsTimer = undefined;
      for (const id of this.#steps.keys()) void this.#flushSteps(id);
    }, BEGUN_MS);
  }

  written(batchId: string): void {
    this.#steps.delete(batchId);
  }

  /** Resolves to what came since; to nothing where a step has got it. */
  cross(batchId: string, crossing: Crossing & { readonly until: number }): Promise<readonly OutboxEntry[]> {
    if (this.#crossings.has(batchId)) return this.crossNow(batchId, crossing);
    const crossed = new Promise<readonly OutboxEntry[]>((resolve) => {
      this.#crossings.set(batchId, { ...crossing, resolve });
    });
    if (!this.#crossingsTimer) {
      this.#crossingsTimer = setTimeout(() => {
        this.#crossingsTimer = undefined;
        for (const id of this.#crossings.keys()) void this.#flushCrossing(id);
      }, SENT_MS);
    }
    return crossed;
  }

  async crossNow(
    batchId: string,
    { seq, held, until }: Crossing & { readonly until: number },
  ): Promise<readonly OutboxEntry[]> {
    const { batch, outbox } = keysOf(batchId);
    const entries = await this.#server.run((client, again) =>
      sent.run(client, [batch, outbox], [seq, held, until, again ? '1' : '']),
    );
    return entriesFrom(entries);
  }

  /** For a step that takes the lease. */
  takeCrossing(batchId: string): TakenCrossing | undefined {
    const crossing = this.#crossings.get(batchId);
    if (!crossing) return undefined;
    this.#crossings.delete(batchId);
    const { seq, held, resolve } = crossing;
    const giveBack = (): void => resolve(this.crossNow(batchId, crossing));
    return { seq, held, done: () => resolve([]), giveBack };
  }

  /** Everything of one batch, or of all. */
  async flush(batchId?: string): Promise<void> {
    if (this.#steps.size + this.#crossings.size === 0) return;
    const ids = batchId === undefined ? [...this.#steps.keys(), ...this.#crossings.keys()] : [batchId];
    await Promise.all(ids.flatMap((id) => [this.#flushCrossing(id), this.#flushSteps(id)]));
  }

  async #flushCrossing(batchId: string): Promise<void> {
    const crossing = this.#crossings.get(batchId);
    if (!crossing) return;
    this.#crossings.delete(batchId);
    const crossed = this.crossNow(batchId, crossing);
    crossing.resolve(crossed);
    await crossed.catch(() => undefined);
  }

  /** That somebody has begun is not worth failing for. */
  async #flushSteps(batchId: string): Promise<void> {
    if (this.#steps.has(batchId)) await this.#write(batchId).catch(() => this.written(batchId));
  }
}

const NONE: readonly Step[] = [];
