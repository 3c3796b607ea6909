import type { Fold } from './redis-fold.js';

/** A batch as this store left it, true for as long as nobody else writes to it. */
export interface Copy {
  readonly fold: Fold;
  readonly version: number;
  /** It had ended: before it goes on, it is noted again. */
  readonly wasOver: boolean;
}

interface Seat {
  turn: Promise<unknown> | undefined;
  copy: Copy | undefined;
  /** Jobs that the copy knew when it was put here. */
  jobs: number;
}

/** Jobs that copies may know, all in all. */
const MOST_JOBS = 20_000;

/** What this process has of the batches at work in it: whose turn it is, and a copy. */
export class Seats {
  /** A batch keeps its seat from one step to the next: tables that are filled and emptied all the time keep alive what was in them. */
  readonly #seats = new Map<string, Seat>();
  #jobs = 0;

  /** After whatever else this process has to do with the batch. */
  async inTurn<Result>(batchId: string, work: () => Promise<Result>): Promise<Result> {
    const seat = this.#seat(batchId);
    const turn = seat.turn ? seat.turn.then(work, work) : work();
    seat.turn = turn;
    try {
      return await turn;
    } finally {
      if (seat.turn === turn) {
        seat.turn = undefined;
        if (!seat.copy) this.#seats.delete(batchId);
      }
    }
  }

  isBusy(batchId: string): boolean {
    return this.#seats.get(batchId)?.turn !== undefined;
  }

  /** The copy is the caller's until it is put back; it is not put back when it turns out to be old. */
  take(batchId: string): Copy | undefined {
    const seat = this.#seats.get(batchId);
    const copy = seat?.copy;
    if (!seat || !copy) return undefined;
    seat.copy = undefined;
    this.#jobs -= seat.jobs;
    return copy;
  }

  put(batchId: string, copy: Copy): void {
    if (copy.fold.isOver) return;
    const seat = this.#seat(batchId);
    seat.copy = copy;
    seat.jobs = copy.fold.size;
    this.#jobs += seat.jobs;
    if (this.#jobs > MOST_JOBS) this.#makeRoom();
  }

  /** Jobs of it have begun here: more steps will come. */
  isAtWork(batchId: string): boolean {
    return (this.#seats.get(batchId)?.copy?.version ?? 0) > 1;
  }

  #seat(batchId: string): Seat {
    let seat = this.#seats.get(batchId);
    if (!seat) this.#seats.set(batchId, (seat = { turn: undefined, copy: undefined, jobs: 0 }));
    return seat;
  }

  /** Those that came first are looked at first. */
  #makeRoom(): void {
    for (const [batchId, { turn, copy }] of this.#seats) {
      if (this.#jobs <= MOST_JOBS) return;
      if (turn || !copy || copy.fold.changed) continue;
      this.take(batchId);
      this.#seats.delete(batchId);
    }
  }
}
