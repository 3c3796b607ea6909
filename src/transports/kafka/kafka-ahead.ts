/** So many offsets after the last that was read are held. */
export const AHEAD = 100;

/**
 * Offsets that are held before there is anything in them: whatever is published there may be given out as soon as it is read.
 * A commit that says less counts from when it is sent, one that says more from when it is answered.
 */
export class Ahead {
  #known = 0;
  #told = 0;

  /** As the broker knows it, whichever commit came last. */
  holds(offset: number): boolean {
    return offset < this.#known;
  }

  reaches(offset: number): boolean {
    return Math.max(this.#known, this.#told) > offset;
  }

  /** A commit is sent that holds everything up to `end`. */
  tell(end: number): void {
    this.#told = end;
    this.#known = Math.min(this.#known, end);
  }

  answered(): void {
    this.#known = this.#told;
  }
}
