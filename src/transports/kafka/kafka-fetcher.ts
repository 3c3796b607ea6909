import type { Clock } from '../../contracts/clock.js';
import { codeOf, type Fetched, type MemberLink, type Place, placeKey, UNREADABLE } from './kafka-client.js';
import { Questions, type Wanted } from './kafka-questions.js';

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

const HURRIED_MS = 5;
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
    const questions = new Questions();
    let failures = 0;
    while (!this.#isClosed) {
      const wanted = this.#parts
        .wanted()
        .filter((place) => this.#where.get(placeKey(place)) === node && this.#mayRead(place));
      if (wanted.length === 0) break;
      const question = questions.next(wanted, performance.now());
      const waitMs = this.#parts.isHurried() ? Math.min(HURRIED_MS, question.waitMs) : question.waitMs;
      try {
        const fetched = await this.#parts.link.fetch(node, { ...question, waitMs });
        if (this.#isClosed) break;
        this.#parts.onAnswer();
        failures = 0;
        const asked = questions.answered(question, fetched);
        for (const [i, one] of fetched.entries()) this.#parts.onFetched(one, asked[i]?.offset ?? one.next);
      } catch (error) {
        if (codeOf(error) === UNREADABLE) {
          await this.#findUnreadable(node, question.places);
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
