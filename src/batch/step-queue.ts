import type { Applied, BatchStore, Step } from '../contracts/batch-store.js';

interface Waiting {
  readonly step: Step;
  readonly resolve: (applied: Applied | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Hands steps to the store in lots: whatever was asked for while it was busy goes together. */
export class StepQueue {
  readonly #store: BatchStore;
  #waiting: Waiting[] = [];
  #busy = false;

  constructor(store: BatchStore) {
    this.#store = store;
  }

  /** Resolves once the step is applied; to undefined where there is no such batch. */
  apply(step: Step): Promise<Applied | undefined> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ step, resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      // After what runs now, so that jobs received together are begun together.
      queueMicrotask(() => void this.#work());
    });
  }

  async #work(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lot = this.#waiting;
      this.#waiting = [];
      try {
        const applied = await this.#store.apply(lot.map(({ step }) => step));
        for (const [i, { resolve }] of lot.entries()) resolve(applied[i]);
      } catch (error) {
        for (const { reject } of lot) reject(error);
      }
    }
    this.#busy = false;
  }
}
