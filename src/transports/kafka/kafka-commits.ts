import type { Clock } from '../../contracts/clock.js';
import type { CommittedOffset, MemberLink } from './kafka-client.js';
import type { Membership } from './kafka-membership.js';

/** Of one place: a ledger, or what waits for its time. */
export interface Committable {
  isDirty: boolean;
  /** @param isAhead what comes next is wanted at once */
  commit(isAhead: boolean): CommittedOffset;
  /** What {@link commit} last gave is on the broker. */
  committed?(): void;
}

export interface CommitsParts {
  readonly link: MemberLink;
  readonly clock: Clock;
  readonly membership: () => Membership;
  readonly places: () => Iterable<Committable>;
  /** Somebody waits for what comes next. */
  readonly isAhead: () => boolean;
  readonly onWritten: () => void;
  readonly onTrouble: (error: unknown) => void;
}

/** All that is to be written by the same commit. */
interface Round {
  readonly written: Promise<boolean>;
  readonly done: (isWritten: boolean) => void;
}

/** Settlements that hurry nobody are gathered for so long. */
const GATHER_MS = 5;
const LONGEST_PAUSE_MS = 1000;

/**
 * One commit at a time, of everything that changed since the last. Claims, settlements and hand-backs of a batch are one
 * request, however many they are.
 */
export class Commits {
  readonly #parts: CommitsParts;
  #next: Round | undefined;
  #timer: (() => void) | undefined;
  #working: Promise<void> | undefined;

  constructor(parts: CommitsParts) {
    this.#parts = parts;
  }

  /**
   * What is done by now is written before long. Resolves to whether it was; false: the partitions are somebody else's. The
   * same promise for all that one commit writes.
   */
  soon(): Promise<boolean> {
    const { written } = (this.#next ??= newRound());
    if (!this.#working && !this.#timer) {
      const timer = setTimeout(() => {
        this.#timer = undefined;
        this.#start();
      }, GATHER_MS);
      this.#timer = () => clearTimeout(timer);
    }
    return written;
  }

  now(): Promise<boolean> {
    const { written } = (this.#next ??= newRound());
    this.#start();
    return written;
  }

  /** Whatever waits is lost. */
  lost(): void {
    this.#next?.done(false);
    this.#next = undefined;
  }

  #start(): void {
    this.#timer?.();
    this.#timer = undefined;
    this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      if (this.#next) this.#start();
    });
  }

  async #work(): Promise<void> {
    while (this.#next) {
      const { done } = this.#next;
      this.#next = undefined;
      done(await this.#write());
    }
  }

  async #write(): Promise<boolean> {
    const { link, membership, places, isAhead, onWritten, onTrouble } = this.#parts;
    for (let failures = 0; ; failures++) {
      await membership().settled();
      const { seat } = membership();
      if (!seat) return false;
      const dirty = [...places()].filter(({ isDirty }) => isDirty);
      if (dirty.length === 0) return true;
      try {
        await link.commit(
          seat,
          dirty.map((place) => place.commit(isAhead())),
        );
        for (const place of dirty) place.committed?.();
        onWritten();
        return true;
      } catch (error) {
        for (const place of dirty) place.isDirty = true;
        if (membership().refused(error)) return false;
        onTrouble(error);
        await this.#pause(Math.min(LONGEST_PAUSE_MS, 20 * 2 ** failures));
      }
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}

function newRound(): Round {
  let done: Round['done'] = () => undefined;
  const written = new Promise<boolean>((resolve) => {
    done = resolve;
  });
  return { written, done };
}
