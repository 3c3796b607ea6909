/**
 * So many at once, first come first served. `acquire` answers at once where it can, so that the common case costs no
 * turn of the event loop. An exclusive holder runs with nobody beside it.
 */
export class Slots {
  readonly #limit: number;
  readonly #waiting: { readonly exclusive: boolean; readonly grant: (granted: boolean) => void }[] = [];
  #running = 0;
  #exclusive = false;
  #stopped = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** True once a slot is held; false when `stop` came first. */
  acquire(exclusive = false): boolean | Promise<boolean> {
    if (this.#stopped) return false;
    if (this.#waiting.length === 0 && this.#free(exclusive)) {
      this.#take(exclusive);
      return true;
    }
    return new Promise((grant) => this.#waiting.push({ exclusive, grant }));
  }

  release(): void {
    this.#running--;
    this.#exclusive = false;
    for (let next = this.#waiting[0]; next && this.#free(next.exclusive); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#take(next.exclusive);
      next.grant(true);
    }
  }

  /** Nobody else starts: who waits is told so. Who runs, runs on. */
  stop(): void {
    this.#stopped = true;
    for (const { grant } of this.#waiting.splice(0)) grant(false);
  }

  #free(exclusive: boolean): boolean {
    return !this.#exclusive && (exclusive ? this.#running === 0 : this.#running < this.#limit);
  }

  #take(exclusive: boolean): void {
    this.#running++;
    this.#exclusive = exclusive;
  }
}
