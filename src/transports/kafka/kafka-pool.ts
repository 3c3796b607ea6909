import type { Clock } from '../../contracts/clock.js';
import type { Entry } from './kafka-entry.js';
import type { Ledger } from './kafka-ledger.js';
import { FREE, HELD } from './kafka-ledger-text.js';
import { RUNGS } from './kafka-ladder.js';

export interface PoolParts {
  readonly clock: Clock;
  /** Nothing is given out while the group is shared anew. */
  readonly isOpen: () => boolean;
  /** Writes what was claimed. */
  readonly write: () => Promise<boolean>;
  /** Not due for longer than is to be waited for here. */
  readonly onLate: (entries: readonly Entry[]) => void;
  readonly onRoom: () => void;
  /** What was not even read is held as well; and it is not wanted any more. */
  readonly isAhead: () => boolean;
  readonly onRest: () => void;
}

/** A claim is a request to the broker, which takes its time: what will be taken within so long is claimed ahead, … */
const AHEAD_MS = 50;
/** … and no more than this: all of it counts as received when this process dies. */
const MOST_AHEAD = 10_000;
/** Where whoever takes had to wait for a claim the next is larger by this, until the pace is known. */
const GROWTH = 4;
/** How much the newest taking says of the pace. */
const NEWEST = 0.2;

/** What was read and is not given out: to be claimed, claimed, and not due for a moment. */
export class Pool {
  readonly #parts: PoolParts;
  /** Retries and what was handed back go before what was never received. */
  #urgent: Entry[] = [];
  #ready: Entry[] = [];
  /** Written down as held, so a crash will count. */
  #claimed: Entry[] = [];
  /** By their due times. */
  #later: Entry[] = [];
  #timer: (() => void) | undefined;
  #resting: (() => void) | undefined;
  #claiming = false;
  /** How much the last claim was, and whether it came too late. */
  #lastClaim = 0;
  #ranDry = false;
  /** Taken in a millisecond, lately. */
  #pace = 0;
  #takenAt = performance.now();
  /** Whoever took last asks for more as soon as he has something. */
  isQuick = false;
  readonly #listeners = new Set<() => void>();

  constructor(parts: PoolParts) {
    this.#parts = parts;
  }

  listen(wake: () => void): () => void {
    this.#listeners.add(wake);
    return () => this.#listeners.delete(wake);
  }

  wake(): void {
    for (const wake of this.#listeners) wake();
  }

  add(entry: Entry | undefined): void {
    if (entry) this.addAll([entry]);
  }

  addAll(entries: readonly Entry[]): void {
    if (entries.length === 0) return;
    const now = this.#parts.clock.now();
    const late: Entry[] = [];
    for (const entry of entries) {
      const { due } = entry.counts;
      if (due !== undefined && due - now >= (RUNGS[0] ?? 0)) late.push(entry);
      // Also what is due already: by its time, not by when it was read.
      else if (due !== undefined) this.#postpone(entry);
      else if (entry.status === HELD) this.#claimed.push(entry);
      else (entry.ledger.isOurs ? this.#urgent : this.#ready).push(entry);
    }
    if (late.length > 0) this.#parts.onLate(late);
    this.#wakeWhenDue();
    this.wake();
  }

  /** What was handed back comes before what was not received yet, in its order. */
  putBack(entries: readonly Entry[]): void {
    this.#urgent.unshift(...[...entries].sort((a, b) => a.offset - b.offset));
    this.wake();
  }

  /** Up to `max` that are claimed, and a claim of more where there are any; whoever waits is woken by it. */
  take(max: number, isQuick: boolean): readonly Entry[] {
    if (!this.#parts.isOpen()) return [];
    this.isQuick = isQuick;
    const ahead = isQuick ? Math.max(2 * max, Math.min(this.#pace * AHEAD_MS, MOST_AHEAD)) : max;
    if (this.#claimed.length < Math.max(max, ahead / 2)) void this.#claim(Math.ceil(ahead) - this.#claimed.length);
    if (this.#claimed.length === 0) {
      this.#ranDry ||= isQuick;
      return [];
    }
    const taken = this.#claimed.splice(0, max).filter(isHeld);
    this.#measure(taken.length);
    this.#parts.onRoom();
    return taken;
  }

  #measure(count: number): void {
    const now = performance.now();
    this.#pace += NEWEST * (count / Math.max(now - this.#takenAt, 0.1) - this.#pace);
    this.#takenAt = now;
  }

  /** What was claimed and nobody took is free again. */
  rest(): void {
    this.#parts.onRest();
    const claimed = this.#claimed.splice(0).filter(isHeld);
    for (const entry of claimed) entry.ledger.free(entry);
    if (claimed.length > 0) this.putBack(claimed);
  }

  restLater(ms: number, isIdle: () => boolean): void {
    if (this.#resting || (this.#claimed.length === 0 && !this.#parts.isAhead())) return;
    this.#resting = this.#parts.clock.after(ms, () => {
      this.#resting = undefined;
      if (!isIdle()) return this.restLater(ms, isIdle);
      this.rest();
      void this.#parts.write();
    });
  }

  drop(ledger: Ledger): void {
    const others = (entry: Entry) => entry.ledger !== ledger;
    this.#urgent = this.#urgent.filter(others);
    this.#ready = this.#ready.filter(others);
    this.#claimed = this.#claimed.filter(others);
    this.#later = this.#later.filter(others);
  }

  /** Forgets what was settled behind its back. */
  sweep(): void {
    this.#urgent = this.#urgent.filter(isFree);
    this.#ready = this.#ready.filter(isFree);
    this.#later = this.#later.filter(isFree);
    this.#claimed = this.#claimed.filter(isHeld);
  }

  async #claim(count: number): Promise<void> {
    if (this.#claiming || this.#urgent.length + this.#ready.length === 0) return;
    this.#claiming = true;
    const most = this.#ranDry ? Math.max(count, Math.min(this.#lastClaim * GROWTH, MOST_AHEAD)) : count;
    this.#ranDry = false;
    const claimed = this.#urgent.splice(0, most);
    if (claimed.length < most) claimed.push(...this.#ready.splice(0, most - claimed.length));
    this.#lastClaim = claimed.length;
    for (const entry of claimed) entry.ledger.claim(entry);
    const isWritten = await this.#parts.write();
    this.#claiming = false;
    if (!isWritten) return;
    // A purge, or a rebalance, may have been quicker.
    this.#claimed.push(...claimed.filter(isHeld));
    if (this.#parts.isOpen()) this.wake();
    else this.rest();
  }

  #postpone(entry: Entry): void {
    const due = entry.counts.due ?? 0;
    let at = this.#later.length;
    while (at > 0 && (this.#later[at - 1]?.counts.due ?? 0) > due) at--;
    this.#later.splice(at, 0, entry);
  }

  #wakeWhenDue(): void {
    this.#timer?.();
    this.#timer = undefined;
    const { clock } = this.#parts;
    const now = clock.now();
    let due = 0;
    while ((this.#later[due]?.counts.due ?? Number.POSITIVE_INFINITY) <= now) due++;
    this.#urgent.push(...this.#later.splice(0, due));
    const next = this.#later[0]?.counts.due;
    if (next !== undefined) {
      this.#timer = clock.after(next - now, () => {
        this.#wakeWhenDue();
        this.wake();
      });
    }
  }
}

function isHeld({ status, ledger }: Entry): boolean {
  return status === HELD && !ledger.isGone;
}

function isFree({ status, ledger }: Entry): boolean {
  return status === FREE && !ledger.isGone;
}
