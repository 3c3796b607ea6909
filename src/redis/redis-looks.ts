/** Without news a consumer looks this often: for what others handed back or lost, which no key tells of … */
export const LOOK_MS = 1000;
/** … and this often where it hears of what others put beside the queue: for what nobody says. The wait finds out whether Redis answers. */
const QUIET_LOOK_MS = 15_000;
/** Of these up to a quarter less, so that a thousand idle workers do not look at one moment. */
const JITTER = 0.25;
/** What is heard of every moment is looked for no more often than this. */
const PAUSE_MS = 50;

/** When a consumer looks next, by `performance.now()`. */
export class Looks {
  #at = 0;
  #begunAt = Number.NEGATIVE_INFINITY;
  /** By what was said since the last look began, which may have missed it. */
  #expectedAt = Number.POSITIVE_INFINITY;

  /** Ms until the next; not positive: now. */
  get leftMs(): number {
    return this.#at - performance.now();
  }

  begin(): void {
    this.#begunAt = performance.now();
    this.#expectedAt = Number.POSITIVE_INFINITY;
  }

  /** The next one is in so many ms, unless something else was said meanwhile. */
  end(ms: number): void {
    this.#at = Math.min(performance.now() + ms, this.#expectedAt);
  }

  /** Something is due in so many ms. @returns whether the next look is earlier for it */
  expect(ms: number): boolean {
    const at = performance.now() + ms;
    this.#expectedAt = Math.min(this.#expectedAt, at);
    if (at >= this.#at) return false;
    this.#at = at;
    return true;
  }

  /** The same, told by others. */
  hear(ms: number): boolean {
    return this.expect(Math.max(ms, this.#begunAt + PAUSE_MS - performance.now()));
  }
}

/**
 * How long an idle consumer goes without a look. A lease that somebody takes after one runs out no sooner than `visibilityMs`
 * later, so looks that far apart know of each in time.
 */
export function lookMs(hears: boolean, visibilityMs: number): number {
  return hears ? Math.min(QUIET_LOOK_MS, visibilityMs) * (1 - JITTER * Math.random()) : LOOK_MS;
}
