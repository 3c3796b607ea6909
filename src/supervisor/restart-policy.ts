/** A worker that lived this long had started well: its crash is a new story. */
const SETTLED_MS = 5000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

export type Restart = { readonly kind: 'restart'; readonly afterMs: number } | { readonly kind: 'give_up'; readonly crashes: number };

/** Decides what follows a crash: again, after a growing pause, until it crashed too often right after its start. */
export class RestartPolicy {
  readonly #most: number;
  #quick = 0;

  /** @param most crashes in a row right after the start before giving up */
  constructor(most: number) {
    this.#most = most;
  }

  crashed(livedMs: number): Restart {
    this.#quick = livedMs >= SETTLED_MS ? 1 : this.#quick + 1;
    if (this.#quick > this.#most) return { kind: 'give_up', crashes: this.#quick };
    return { kind: 'restart', afterMs: Math.min(FIRST_PAUSE_MS * 2 ** (this.#quick - 1), LONGEST_PAUSE_MS) };
  }
}
