import type { Clock } from '../../contracts/clock.js';
import type { TransportNotice } from '../../contracts/transport.js';
import { KafkaFailure } from './kafka-client.js';
import { textOf } from './kafka-errors.js';

/** A leader that moves is no outage; one that is not back after so long is. */
const OUTAGE_MS = 500;

/** The same trouble is told again after so long. */
const SAME_MS = 60_000;

/** Either can be lost while the other answers: a member that keeps its seat and reads nothing does not consume. */
export type Ear = 'group' | 'reading';

/** Tells once that the cluster is lost, once that it is back, and of each other trouble now and then. */
export class Health {
  readonly #clock: Clock;
  readonly #onNotice: (notice: TransportNotice) => void;
  readonly #told = new Map<string, number>();
  readonly #deaf = new Set<Ear>();
  readonly #answeredAt = new Map<Ear, number>();
  readonly #watching = new Set<Ear>();

  constructor(clock: Clock, onNotice: (notice: TransportNotice) => void) {
    this.#clock = clock;
    this.#onNotice = onNotice;
  }

  answered(ear: Ear): void {
    this.#answeredAt.set(ear, performance.now());
    if (this.#deaf.delete(ear) && this.#deaf.size === 0) this.#onNotice({ kind: 'reconnected' });
  }

  trouble(ear: Ear, error: unknown): void {
    if (!(error instanceof KafkaFailure && error.mayPass)) return this.degraded(textOf(error));
    if (this.#watching.has(ear) || this.#deaf.has(ear)) return;
    this.#watching.add(ear);
    const since = performance.now();
    this.#clock.after(OUTAGE_MS, () => {
      this.#watching.delete(ear);
      if ((this.#answeredAt.get(ear) ?? 0) >= since) return;
      this.#deaf.add(ear);
      if (this.#deaf.size === 1) this.#onNotice({ kind: 'disconnected', error });
    });
  }

  /** @param about what makes it the same trouble, where its numbers change */
  degraded(message: string, about = message): void {
    const now = performance.now();
    if (now - (this.#told.get(about) ?? Number.NEGATIVE_INFINITY) < SAME_MS) return;
    this.#told.set(about, now);
    this.#onNotice({ kind: 'degraded', message });
  }
}
