/** A thing that knows where it lies in the one bag it may be in. */
export interface Placed {
  place: number;
}

/**
 * What comes and goes with every message, in no order. A Set is emptied and filled into one table after another, and each
 * table it leaves behind keeps what was in it alive until the next full garbage collection: that cost a fifth of the CPU of
 * a worker.
 */
export class Bag<Thing extends Placed> implements Iterable<Thing> {
  readonly #things: Thing[] = [];

  get size(): number {
    return this.#things.length;
  }

  has(thing: Thing): boolean {
    return this.#things[thing.place] === thing;
  }

  add(thing: Thing): void {
    thing.place = this.#things.length;
    this.#things.push(thing);
  }

  /** @returns whether it was in it */
  delete(thing: Thing): boolean {
    if (!this.has(thing)) return false;
    const last = this.#things.pop() as Thing;
    if (last === thing) return true;
    this.#things[thing.place] = last;
    last.place = thing.place;
    return true;
  }

  /** While they are gone through none may be added or deleted. */
  [Symbol.iterator](): Iterator<Thing> {
    return this.#things[Symbol.iterator]();
  }
}
