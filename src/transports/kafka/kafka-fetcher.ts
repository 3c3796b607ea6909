import type { Clock } from '../../contracts/clock.js';
import { codeOf, type Fetched, type MemberLink, type Place, placeKey, UNREADABLE } from './kafka-client.js';

export interface Wanted extends Place {
  readonly offset: number;
  /** Not the queue's own topic, but retries and what waits for its time: little, and in no hurry of microseconds. */
  readonly isBeside: boolean;
}

export interface FetcherParts {
  readonly link: MemberLink;
  readonly clock: Clock;
  readonly topics: readonly string[];
  /** Where there is room for more, and from which offset. */
  readonly wanted: () => readonly Wanted[];
  /** Somebody will have room for more in a moment: a question that waits for news elsewhere would be in the way. */
  readonly isHurried: () => boolean;
  readonly onFetched: (fetched: Fetched, from: number) => void;
  /** A record there cannot be read; the others go on. */
  readonly onUnreadable: (place: Place, error: unknown) => void;
  /** What was to be read there is not there any more, or not yet. */
  readonly onOutOfRange: (place: Place) => Promise<void>;
  readonly onAnswer: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/** An empty partition is asked again after so long; news end the wait at once. */
const WAIT_MS = 250;
const HURRIED_MS = 5;

/**
 * While the queue's own topic flows the rest is asked for so often: a broker takes its time for each partition that is named,
 * and most of them lie beside.
 */
const BESIDE_MS = 20;

const LONGEST_PAUSE_MS = 2000;

/** What cannot be read is tried again after so long. */
const UNREADABLE_MS = 10_000;

/** Reads ahead: one question at a time to each node that leads something of ours, so that a slow one holds up nobody. */
export class Fetcher {
  readonly #parts: FetcherParts;
  readonly #busy = new Set<number>();
  #leaders: Promise<ReadonlyMap<string, number>> | undefined;
  /** By place, the offset where a record cannot be read, and when it is tried again. */
  readonly #unreadable = new Map<string, { readonly offset: number; readonly until: number }>();
  /** As they were last told: a read that goes on takes up what has moved to its node meanwhile. */
  #where: ReadonlyMap<string, number> = new Map();
  #isClosed = false;
  #pausing: (() => void) | undefined;

  constructor(parts: FetcherParts) {
    this.#parts = parts;
  }

  /** There may be room, or something new to read. */
  wake(): void {
    if (!this.#isClosed && !this.#pausing) void this.#ask();
  }

  close(): void {
    this.#isClosed = true;
    this.#pausing?.();
  }

  async #ask(): Promise<void> {
    // Who has nothing to read is not kept from it.
    if (this.#parts.wanted().length === 0) return this.#parts.onAnswer();
    try {
      this.#leaders ??= this.#parts.link.leaders(this.#parts.topics);
      this.#where = await this.#leaders;
      for (const node of new Set(this.#where.values())) if (!this.#busy.has(node)) void this.#read(node);
    } catch (error) {
      await this.#failed(error, 0);
    }
  }

  async #read(node: number): Promise<void> {
    this.#busy.add(node);
    let failures = 0;
    let isFlowing = false;
    let askedForAll = Number.NEGATIVE_INFINITY;
    while (!this.#isClosed) {
      const all = this.#parts
        .wanted()
        .filter((place) => this.#where.get(placeKey(place)) === node && this.#mayRead(place));
      if (all.length === 0) break;
      const now = performance.now();
      const leftMs = isFlowing ? Math.ceil(askedForAll + BESIDE_MS - now) : 0;
      const main = leftMs > 0 ? all.filter(({ isBeside }) => !isBeside) : [];
      const places = main.length > 0 ? main : all;
      if (places === all) askedForAll = now;
      const waitMs = places === all ? WAIT_MS : leftMs;
      try {
        const fetched = await this.#parts.link.fetch(node, {
          waitMs: this.#parts.isHurried() ? Math.min(HURRIED_MS, waitMs) : waitMs,
          places,
        });
        if (this.#isClosed) break;
        this.#parts.onAnswer();
        failures = 0;
        isFlowing = false;
        for (const one of fetched) {
          const asked = places.find(({ topic, partition }) => topic === one.topic && partition === one.partition);
          if (!asked?.isBeside && one.records.length > 0) isFlowing = true;
          this.#parts.onFetched(one, asked?.offset ?? one.next);
        }
      } catch (error) {
        if (codeOf(error) === UNREADABLE) {
          await this.#findUnreadable(node, places);
          continue;
        }
        this.#busy.delete(node);
        if (!this.#isClosed) await this.#failed(error, failures++);
        return;
      }
    }
    this.#busy.delete(node);
  }

  #mayRead(place: Wanted): boolean {
    const known = this.#unreadable.get(placeKey(place));
    return known?.offset !== place.offset || performance.now() > known.until;
  }

  /** The answer of all is lost with that of one: each is asked for by itself. */
  async #findUnreadable(node: number, places: readonly Wanted[]): Promise<void> {
    for (const place of places) {
      try {
        const fetched = await this.#parts.link.fetch(node, { waitMs: 0, places: [place] });
        for (const one of fetched) this.#parts.onFetched(one, place.offset);
      } catch (error) {
        if (codeOf(error) !== UNREADABLE) continue;
        this.#unreadable.set(placeKey(place), { offset: place.offset, until: performance.now() + UNREADABLE_MS });
        this.#parts.onUnreadable(place, error);
        this.#parts.clock.after(UNREADABLE_MS + 1, () => this.wake());
      }
    }
  }

  async #failed(error: unknown, failures: number): Promise<void> {
    this.#leaders = undefined;
    if (codeOf(error) === 'OFFSET_OUT_OF_RANGE') {
      await this.#lookAgain();
    } else {
      this.#parts.onTrouble(error);
    }
    await this.#pause(Math.min(LONGEST_PAUSE_MS, 50 * 2 ** failures));
    this.wake();
  }

  /** Which of them it was is not said. */
  async #lookAgain(): Promise<void> {
    try {
      for (const place of this.#parts.wanted()) await this.#parts.onOutOfRange(place);
    } catch (error) {
      this.#parts.onTrouble(error);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        this.#pausing = undefined;
        resolve();
      };
      const cancel = this.#parts.clock.after(ms, done);
      this.#pausing = done;
    });
  }
}
