import type { Clock } from '../contracts/clock.js';

/** Time that stands still until it is moved: retries and delays of hours are tested in no time. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #timers = new Set<{ readonly at: number; readonly fn: () => void }>();

  /** @param start ms since the epoch */
  constructor(start = Date.UTC(2026, 0, 1)) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + Math.max(ms, 0), fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Moves time on and runs what becomes due meanwhile, in order, letting each one's consequences happen first. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#timers.delete(next);
      this.#now = next.at;
      next.fn();
      await new Promise(setImmediate);
    }
    this.#now = end;
  }

  #next(end: number): { readonly at: number; readonly fn: () => void } | undefined {
    let first: { readonly at: number; readonly fn: () => void } | undefined;
    for (const timer of this.#timers) if (timer.at <= end && (!first || timer.at < first.at)) first = timer;
    return first;
  }
}
