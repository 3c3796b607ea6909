import type { Entry } from './kafka-entry.js';

/** Of one key one runs at a time, in order: who is ready or runs, and who waits behind. */
export class Keys {
  readonly #waiting = new Map<string, Entry[]>();

  /** @returns whether it may run; otherwise it waits for {@link next} */
  mayRun(entry: Entry): boolean {
    if (entry.key === undefined) return true;
    const waiting = this.#waiting.get(entry.key);
    if (waiting) waiting.push(entry);
    else this.#waiting.set(entry.key, []);
    return waiting === undefined;
  }

  /** @returns who is next when this one is settled */
  next({ key }: Entry): Entry | undefined {
    if (key === undefined) return undefined;
    const next = this.#waiting.get(key)?.shift();
    if (!next) this.#waiting.delete(key);
    return next;
  }

  /** Nobody waits any more; keys of those that run stay taken. */
  purge(isRunning: (key: string) => boolean): void {
    for (const [key, waiting] of this.#waiting) {
      waiting.length = 0;
      if (!isRunning(key)) this.#waiting.delete(key);
    }
  }
}
