const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** The first signal asks to end, the second ends the process with 1. */
export class Interruption {
  readonly #controller = new AbortController();

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#hear);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  end(): void {
    for (const signal of SIGNALS) process.off(signal, this.#hear);
  }

  readonly #hear = (): void => {
    if (this.signal.aborted) process.exit(1);
    this.#controller.abort();
  };
}
