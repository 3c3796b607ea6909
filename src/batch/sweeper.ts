import type { Overdue } from '../contracts/batch-store.js';
import type { Clock } from '../contracts/clock.js';
import type { Logger } from '../contracts/listener.js';
import type { Batches } from './batches.js';
import { explainOpen } from './explain.js';

export interface SweeperParts {
  readonly batches: () => Promise<Batches>;
  /** Batches were ever made: nothing is opened for a store that nobody uses. */
  readonly used: () => Promise<boolean>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** A batch in which nothing has moved for this long fails, ms. */
  readonly stalledAfterMs: number;
  /** Finished batches are deleted after this long, ms; undefined: never. */
  readonly keepMs: number | undefined;
}

/** Between two sweeps, ms; each process starts at a moment of its own. */
const EVERY_MS = 5000;
/** The same while no batch was ever made. */
const UNUSED_MS = 15_000;
/** A batch that is being made, and was not heard of for this long, has lost its maker. */
const UNSEALED_MS = 60_000;
const FIRST_MS = 200;
const MOST = 100;
/** Pruning is no hurry. */
const PRUNE_EVERY = 120;

/** Repairs what crashes leave behind: outboxes nobody sends, batches nobody completes, batches in which nothing moves. */
export class Sweeper {
  readonly #parts: SweeperParts;
  #cancel: (() => void) | undefined;
  #sweeping: Promise<void> | undefined;
  #sweeps = 0;
  #started = false;
  #looked = false;
  #used = true;
  #stopped = false;

  constructor(parts: SweeperParts) {
    this.#parts = parts;
  }

  /** The first round comes soon, when the worker has found its feet: what was left behind waits. Starting twice is safe. */
  start(): void {
    if (this.#started || this.#stopped) return;
    this.#started = true;
    this.#next(FIRST_MS);
  }

  /** It has yet to look whether something waits to be sent. */
  get isLooking(): boolean {
    return this.#started && !this.#looked;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel?.();
    await this.#sweeping;
  }

  /** One round, now. Never rejects. */
  async sweep(): Promise<void> {
    const { clock, logger, stalledAfterMs, keepMs } = this.#parts;
    try {
      this.#used = await this.#parts.used();
      if (!this.#used) return;
      const batches = await this.#parts.batches();
      const now = clock.now();
      const times = { now, outbox: now, unsealed: now - UNSEALED_MS, idle: now - stalledAfterMs };
      for (const overdue of await batches.store.overdue(times, MOST)) await this.#mend(batches, overdue);
      if (keepMs !== undefined && this.#sweeps++ % PRUNE_EVERY === 0) {
        await batches.prune({ finishedBefore: now - keepMs });
      }
    } catch (error) {
      logger.warn({ error: String(error) }, 'batches could not be looked after; trying again');
    }
  }

  async #mend(batches: Batches, { batchId, why }: Overdue): Promise<void> {
    const { logger } = this.#parts;
    switch (why) {
      case 'outbox':
        return batches.relay.deliverAll(batchId);
      case 'unsealed':
        logger.warn({ batch: batchId }, 'a batch was given up: whoever made it died half-way');
        return void (await batches.apply(batches.steps.abandon(batchId)));
      case 'idle':
        return this.#idle(batches, batchId);
    }
  }

  async #idle(batches: Batches, batchId: string): Promise<void> {
    const { logger, stalledAfterMs } = this.#parts;
    const reason = await explainOpen(batches, batchId);
    // A nested batch that moves keeps the outer one from being called idle.
    if (reason === undefined) return;
    logger.error({ batch: batchId, reason }, 'a batch has stalled and is given up');
    const hours = Math.round(stalledAfterMs / 360_000) / 10;
    await batches.apply(batches.steps.stall(batchId, `nothing has moved for ${hours} hours: ${reason}`));
  }

  #next(pause = (this.#used ? EVERY_MS : UNUSED_MS) * (0.75 + Math.random() / 2)): void {
    this.#cancel = this.#parts.clock.after(pause, () => this.#round());
  }

  #round(): void {
    this.#sweeping = this.sweep().finally(() => {
      this.#looked = true;
      if (!this.#stopped) this.#next();
    });
  }
}
