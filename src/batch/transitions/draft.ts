import type { BatchStatus, JobState, LifecycleKind } from '../../contracts/batch.js';
import type {
  BatchFailure,
  BatchRecord,
  Change,
  JobChange,
  JobHead,
  Move,
  Outgoing,
  View,
} from '../../contracts/batch-store.js';
import { lifecycleId } from '../ids.js';
import { lifecyclePayload } from '../lifecycle.js';

/** A change while it is being made up. Counts follow every move, so they cannot come to differ from the jobs. */
export class Draft {
  readonly #view: View;
  readonly #moves: Move[] = [];
  readonly #announced: Announcement[] = [];
  readonly #after: Outgoing[] = [];
  #batch: BatchRecord;
  #job: JobChange | undefined;
  #add: Change['add'];

  constructor(view: View, now: number) {
    this.#view = view;
    this.#batch = { ...view.batch, updatedAt: now };
  }

  get batch(): BatchRecord {
    return this.#batch;
  }

  /** Nothing of the batch is queued or runs. */
  get still(): boolean {
    return this.#batch.counts.queued + this.#batch.counts.running === 0;
  }

  set(fields: Partial<BatchRecord>): void {
    this.#batch = { ...this.#batch, ...fields };
  }

  job(job: JobHead, state: JobState, fields: Partial<Omit<JobChange, 'id' | 'state'>> = {}): void {
    this.#count(job.state, state, 1);
    const { id, attempts, adds, error, result } = job;
    this.#job = { id, attempts, adds, error, result, ...fields, state };
  }

  /** Every job in one of these states. */
  moveAll(from: readonly JobState[], to: JobState, fresh = false): void {
    const count = from.reduce((sum, state) => sum + this.#batch.counts[state], 0);
    if (count === 0) return;
    for (const state of from) this.#count(state, to, this.#batch.counts[state]);
    this.#moves.push({ from, to, ...(fresh && { fresh }) });
  }

  /** The first stage that waits is up. */
  queueNext(): void {
    const { next } = this.#view;
    if (!next) throw new Error(`batch ${this.#batch.id} counts jobs that wait, and there are none`);
    const { stage, count, from, to } = next;
    this.#count('waiting', 'queued', count);
    this.#moves.push({ from: ['waiting'], to: 'queued', stage });
    this.#after.push({ kind: 'jobs', from, to, stage, run: this.#batch.run });
  }

  /** The step's new jobs, behind all others or beside the job that adds them. */
  addJobs(count: number, stages: number, beside: JobHead | undefined): void {
    const { nextIndex: index, nextStage, counts, run } = this.#batch;
    const state = beside ? 'queued' : 'waiting';
    const stage = beside?.stage ?? nextStage;
    this.#add = { state, index, stage };
    this.set({
      counts: { ...counts, [state]: counts[state] + count },
      nextIndex: index + count,
      nextStage: beside ? nextStage : nextStage + stages,
    });
    if (beside && count > 0) this.#after.push({ kind: 'jobs', from: index, to: index + count - 1, stage, run });
  }

  /** Its payload is written last, so that it tells how the batch stands after all of this change. */
  announce(lifecycle: LifecycleKind, about: Omit<Announcement, 'lifecycle'> = {}): void {
    if (lifecycle !== 'progress') this.set({ fired: [...this.#batch.fired, lifecycle] });
    this.#announced.push({ lifecycle, ...about });
  }

  /** To be sent after what this change announces. */
  send(out: Outgoing): void {
    this.#after.push(out);
  }

  change(accepted = true): Change {
    const events = this.#announced.flatMap((announcement) => this.#eventOf(announcement));
    return {
      accepted,
      batch: this.#batch,
      moves: this.#moves,
      outbox: [...events, ...this.#after],
      ...(this.#job && { job: this.#job }),
      ...(this.#add && { add: this.#add }),
    };
  }

  #eventOf({ lifecycle, job, failure }: Announcement): Outgoing[] {
    const event = this.#batch.events[lifecycle];
    if (event === undefined) return [];
    const eventId = lifecycleId(this.#batch, lifecycle, job?.id);
    if (lifecycle === 'progress') this.set({ progressed: eventId });
    const payload = JSON.stringify(lifecyclePayload(this.#batch, job, failure));
    return [{ kind: 'event', lifecycle, event, eventId, payload }];
  }

  #count(from: JobState, to: JobState, count: number): void {
    const { counts } = this.#batch;
    if (from === to) return;
    this.set({ counts: { ...counts, [from]: counts[from] - count, [to]: counts[to] + count } });
  }
}

interface Announcement {
  readonly lifecycle: LifecycleKind;
  readonly job?: JobHead | undefined;
  readonly failure?: BatchFailure | undefined;
}

/** The transition does not apply here, and changes nothing. */
export const REFUSED: Change = { accepted: false };
/** It has been applied before. */
export const NOTHING_TO_DO: Change = { accepted: true };

const SETTLED: ReadonlySet<JobState> = new Set(['succeeded', 'failed', 'cancelled', 'skipped']);

export function isSettled(job: JobHead): boolean {
  return SETTLED.has(job.state);
}

/** What becomes of a job that can no longer run, because its batch has ended like this. */
export function leftOver(status: BatchStatus): 'cancelled' | 'skipped' {
  return status === 'cancelled' ? 'cancelled' : 'skipped';
}
