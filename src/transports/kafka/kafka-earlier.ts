import type { CommittedOffset } from './kafka-client.js';
import { BEGUN, HELD, readRuns, type Run, takenOver } from './kafka-ledger-text.js';

/** What is known of records before they are read: as whoever had the partition last wrote it down. */
export class Earlier {
  readonly #runs: { readonly end: number; readonly run: Run }[] = [];
  /** Some were in the hands of a worker that is gone. */
  readonly isTakenOver: boolean;

  /** @param end one past the last there is: of what comes later nobody has received anything */
  constructor({ offset, metadata }: Pick<CommittedOffset, 'offset' | 'metadata'>, end: number) {
    let isTakenOver = false;
    let from = offset;
    for (const run of readRuns(metadata)) {
      const to = run.status === HELD ? Math.min(from + run.length, end) : from + run.length;
      if (to <= from) break;
      this.#runs.push({ end: to, run: takenOver(run) });
      if (run.status === HELD || run.status === BEGUN) isTakenOver = true;
      from = to;
    }
    this.isTakenOver = isTakenOver;
  }

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** One past the last of which anything is known. */
  get end(): number {
    return this.#runs.at(-1)?.end ?? 0;
  }

  /** Offsets come in order: what lies before this one is forgotten. */
  at(offset: number): Run | undefined {
    while (this.#runs[0] && this.#runs[0].end <= offset) this.#runs.shift();
    return this.#runs[0]?.run;
  }

  /** All from there on. */
  after(offset: number): readonly Run[] {
    const runs: Run[] = [];
    let from = offset;
    for (const { end, run } of this.#runs) {
      if (end <= from) continue;
      runs.push({ ...run, length: end - from });
      from = end;
    }
    return runs;
  }
}
