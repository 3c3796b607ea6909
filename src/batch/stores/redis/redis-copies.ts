import type { Fold } from './redis-fold.js';

/** A batch as this store left it, true for as long as nobody else writes to it. */
export interface Copy {
  readonly fold: Fold;
  readonly version: number;
  /** It had ended: before it goes on, it is noted again. */
  readonly wasOver: boolean;
}

/** Jobs that copies may know, all in all. */
const MOST_JOBS = 20_000;

/** Copies of the batches that were last at work here. */
export class Copies {
  readonly #copies = new Map<string, Copy>();
  readonly #sizes = new Map<string, number>();
  #jobs = 0;

  /** It is the caller's until it is put back. */
  take(batchId: string): Copy | undefined {
    const copy = this.#copies.get(batchId);
    if (copy) this.#forget(batchId);
    return copy;
  }

  put(batchId: string, copy: Copy): void {
    if (copy.fold.isOver) return;
    this.#copies.set(batchId, copy);
    this.#sizes.set(batchId, copy.fold.size);
    this.#jobs += copy.fold.size;
    // The first are those that were put back the longest ago.
    for (const [oldest, { fold }] of this.#copies) {
      if (this.#jobs <= MOST_JOBS) return;
      if (!fold.changed) this.#forget(oldest);
    }
  }

  /** Jobs of it have begun here: more steps will come. */
  isAtWork(batchId: string): boolean {
    return (this.#copies.get(batchId)?.version ?? 0) > 1;
  }

  #forget(batchId: string): void {
    this.#jobs -= this.#sizes.get(batchId) ?? 0;
    this.#copies.delete(batchId);
    this.#sizes.delete(batchId);
  }
}
