import { type Clock, systemClock } from '../../contracts/clock.js';

/** The system's clock until {@link stall}: from then on its timers never fire, as in a process that hangs. */
export class StallableClock implements Clock {
  #stalled = false;

  now(): number {
    return systemClock.now();
  }

  after(ms: number, fn: () => void): () => void {
    return systemClock.after(ms, () => {
      if (!this.#stalled) fn();
    });
  }

  stall(): void {
    this.#stalled = true;
  }
}
