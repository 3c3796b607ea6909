import type { Clock } from '../../contracts/clock.js';

/** A wall clock that has moved by more than this against the monotonic one was set, not waited for. */
const JUMP_MS = 5000;

/**
 * Notices when the wall clock is set. Leases are kept by it, so after a jump they all look run out, or far from it;
 * their living owners get one full term to renew them before anyone judges.
 */
export class ClockGuard {
  readonly #clock: Clock;
  readonly #termMs: number;
  #offset: number;
  /** By `performance.now()`. */
  #waitUntil = 0;
  /** Set back and not yet answered: what was leased until then would be kept from everyone for as long as the jump. */
  wasSetBack = false;

  constructor(clock: Clock, termMs: number) {
    this.#clock = clock;
    this.#termMs = termMs;
    this.#offset = clock.now() - performance.now();
  }

  /** @returns ms until leases may be judged by the clock again; 0: now */
  check(): number {
    const monotonic = performance.now();
    const offset = this.#clock.now() - monotonic;
    const moved = offset - this.#offset;
    this.#offset = offset;
    if (Math.abs(moved) > JUMP_MS) this.#waitUntil = monotonic + this.#termMs;
    if (moved < -JUMP_MS) this.wasSetBack = true;
    return Math.max(0, this.#waitUntil - monotonic);
  }
}
