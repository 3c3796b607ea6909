import type { RunningWorkers } from '../../supervisor/run-workers.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * The first signal drains, the second kills. Listens from before the workers start, so that none of them is started and
 * then forgotten.
 */
export class Signals {
  #running: RunningWorkers | undefined;
  #first: string | undefined;
  #killed = false;
  readonly #onKill: () => void;

  constructor(onKill: () => void) {
    this.#onKill = onKill;
    for (const signal of SIGNALS) process.on(signal, this.#hear);
  }

  /** It was not left to end by itself. */
  get killed(): boolean {
    return this.#killed;
  }

  /** From now on signals are for these. */
  govern(running: RunningWorkers): void {
    this.#running = running;
    if (this.#first !== undefined) running.drain(this.#first);
    if (this.#killed) running.kill();
  }

  stop(): void {
    for (const signal of SIGNALS) process.off(signal, this.#hear);
  }

  readonly #hear = (signal: NodeJS.Signals): void => {
    if (this.#first === undefined) {
      this.#first = signal;
      this.#running?.drain(signal);
    } else if (!this.#killed) {
      this.#killed = true;
      this.#onKill();
      this.#running?.kill();
    }
  };
}
