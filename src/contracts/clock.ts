/** Time as the core sees it. Injected, so that tests drive it by hand. */
export interface Clock {
  /** Wall clock, milliseconds since the Unix epoch. */
  now(): number;
  /** Runs `fn` once after `ms`; the returned function takes it back. Never keeps the process alive. */
  after(ms: number, fn: () => void): () => void;
}

/** Longest delay a Node timer can hold; a longer one would fire at once. */
const LONGEST_TIMER = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, Math.min(Math.max(ms, 0), LONGEST_TIMER));
    timer.unref();
    return () => clearTimeout(timer);
  },
};
