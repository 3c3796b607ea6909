const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;

export type Restart =
  | { readonly kind: 'restart'; readonly afterMs: number }
  | { readonly kind: 'give_up'; readonly crashes: number };

/** Decides what follows a crash: again, after a growing pause, until workers do nothing but crash. */
export class RestartPolicy {
  readonly #most: number;
  #useless = 0;

  /** @param most workers in a row that crash before they have handled anything, before giving up */
  constructor(most: number) {
    this.#most = most;
  }

  /** @param useful it had handled something: whatever killed it, starting it again is worth it */
  crashed(useful: boolean): Restart {
    this.#useless = useful ? 1 : this.#useless + 1;
    if (this.#useless > this.#most) return { kind: 'give_up', crashes: this.#useless };
    return { kind: 'restart', afterMs: Math.min(FIRST_PAUSE_MS * 2 ** (this.#useless - 1), LONGEST_PAUSE_MS) };
  }
}
