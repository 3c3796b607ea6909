import { codeOf } from './kafka-client.js';

/** What a broker permits is between these, and unless told otherwise from 6 seconds to 30 minutes. */
const LONGEST_MS = 30 * 60_000;

/** How long a member may be silent before the group takes it for dead, and when it was last heard. */
export class Session {
  #ms: number;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(ms: number) {
    this.#ms = Math.round(Math.min(ms, LONGEST_MS));
  }

  get ms(): number {
    return this.#ms;
  }

  /** Nobody else can have what is this member's. */
  get isHeard(): boolean {
    return performance.now() - this.#heardAt < this.#ms;
  }

  heard(): void {
    this.#heardAt = performance.now();
  }

  /** @returns whether the broker takes no session that is so long: then it is the next that it may take */
  suits(error: unknown): boolean {
    if (codeOf(error) !== 'INVALID_SESSION_TIMEOUT') return false;
    this.#ms = this.#ms < 60_000 ? this.#ms * 2 : Math.round(this.#ms / 2);
    return true;
  }
}
