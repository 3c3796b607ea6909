import type { Clock } from '../../contracts/clock.js';
import { textOf } from './kafka-errors.js';
import type { Entry } from './kafka-entry.js';
import type { Parcels } from './kafka-parcels.js';
import type { Sender } from './kafka-sender.js';
import type { WaitingLine } from './kafka-waiting-line.js';

export interface PassingParts {
  readonly queue: string;
  readonly group: string;
  readonly parcels: Parcels;
  readonly sender: Sender;
  readonly clock: Clock;
  readonly lines: () => readonly WaitingLine[];
  /** Still this member's. */
  readonly isMine: (line: WaitingLine) => boolean;
  /** Whether it still is a member. */
  readonly check: () => Promise<boolean>;
  /** Some have gone on: that is to be written, and there is room for more. */
  readonly onPassed: () => void;
  /** What waits elsewhere from now on, and what could not be put there. */
  readonly onSettled: (entries: readonly Entry[]) => void;
  readonly onFailed: (entries: readonly Entry[]) => void;
  readonly onTrouble: (message: string) => void;
}

/** Between two attempts. */
const PAUSE_MS = 500;

/** Passes on what has waited long enough, to the next rung or to be received; and puts aside what is not due. */
export class Passing {
  readonly #parts: PassingParts;
  #timer: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: PassingParts) {
    this.#parts = parts;
  }

  /** What is due goes on; then it is looked at again when the next of them is. */
  look(): void {
    if (this.#isClosed) return;
    this.#timer?.();
    this.#timer = undefined;
    const { clock, lines } = this.#parts;
    const now = clock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const line of lines()) {
      if (line.isBusy || line.nextAt === undefined) continue;
      if (line.nextAt <= now) void this.#pass(line);
      else next = Math.min(next, line.nextAt);
    }
    if (next < Number.POSITIVE_INFINITY) this.#timer = clock.after(next - now, () => this.look());
  }

  /** Not due for so long that it waits elsewhere. */
  async putAside(entries: readonly Entry[]): Promise<void> {
    const { queue, group, parcels, sender, onSettled, onFailed, onTrouble } = this.#parts;
    const records = entries.flatMap(({ record, ledger, counts }) =>
      record ? [parcels.again(queue, group, record, ledger.place, counts)] : [],
    );
    try {
      await sender.send(await Promise.all(records));
      onSettled(entries);
    } catch (error) {
      onTrouble(`what is not due cannot be put aside, and is tried again: ${textOf(error)}`);
      await this.#passed(PAUSE_MS);
      onFailed(entries);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.();
  }

  async #pass(line: WaitingLine): Promise<void> {
    const { queue, group, parcels, sender, clock, isMine, check, onPassed, onTrouble } = this.#parts;
    line.isBusy = true;
    try {
      const leaving = line.leaving(clock.now());
      if (leaving.length === 0 || !(await check())) return;
      const records = leaving.map(({ record, counts }) => parcels.again(queue, group, record, line.place, counts));
      await sender.send(await Promise.all(records));
      if (!isMine(line)) return;
      line.left(leaving.length);
      onPassed();
    } catch (error) {
      onTrouble(`what has waited for its time cannot be passed on, and is tried again: ${textOf(error)}`);
      await this.#passed(PAUSE_MS);
    } finally {
      line.isBusy = false;
      this.look();
    }
  }

  #passed(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}
