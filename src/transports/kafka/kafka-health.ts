import type { Clock } from '../../contracts/clock.js';
import type { TransportNotice } from '../../contracts/transport.js';
import { KafkaFailure } from './kafka-client.js';
import { textOf } from './kafka-errors.js';

/** A leader that moves is no outage; one that is not back after so long is. */
const OUTAGE_MS = 500;

/** The same trouble is told again after so long. */
const SAME_MS = 60_000;

/** Tells once that the cluster is lost, once that it is back, and of each other trouble now and then. */
export class Health {
  readonly #clock: Clock;
  readonly #onNotice: (notice: TransportNotice) => void;
  readonly #told = new Map<string, number>();
  #isDown = false;
  #answeredAt = 0;
  #watching = false;

  constructor(clock: Clock, onNotice: (notice: TransportNotice) => void) {
    this.#clock = clock;
    this.#onNotice = onNotice;
  }

  answered(): void {
    this.#answeredAt = performance.now();
    if (!this.#isDown) return;
    this.#isDown = false;
    this.#onNotice({ kind: 'reconnected' });
  }

  trouble(error: unknown): void {
    if (!(error instanceof KafkaFailure && error.mayPass)) return this.degraded(textOf(error));
    if (this.#watching || this.#isDown) return;
    this.#watching = true;
    const since = performance.now();
    this.#clock.after(OUTAGE_MS, () => {
      this.#watching = false;
      if (this.#answeredAt >= since) return;
      this.#isDown = true;
      this.#onNotice({ kind: 'disconnected', error });
    });
  }

  degraded(message: string): void {
    const now = performance.now();
    if (now - (this.#told.get(message) ?? Number.NEGATIVE_INFINITY) < SAME_MS) return;
    this.#told.set(message, now);
    this.#onNotice({ kind: 'degraded', message });
  }
}
