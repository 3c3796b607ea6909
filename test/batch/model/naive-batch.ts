import type { JobState } from '../../../src/contracts/batch.js';

/**
 * The specification of a batch, as plainly as it can be written: a list of jobs, looked through from end to end at every
 * change. No counters, no sets, no store; slow and obvious. What it announces is what the real one must announce.
 */
export interface NaiveJob {
  readonly id: string;
  readonly stage: number;
  state: JobState;
  attempts: number;
  adds: number;
}

export interface Announced {
  readonly kind: 'progress' | 'then' | 'catch' | 'finally';
  readonly job: string | undefined;
  readonly error: string | undefined;
  readonly run: number;
  readonly status: string;
  readonly total: number;
  readonly completed: number;
  readonly percent: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  readonly cancelled: number;
}

type Moment = Pick<Announced, 'kind' | 'job' | 'error'>;

const FINAL: readonly JobState[] = ['succeeded', 'failed', 'cancelled', 'skipped'];

export class NaiveBatch {
  readonly jobs: NaiveJob[] = [];
  readonly announced: Announced[] = [];
  status: 'running' | 'succeeded' | 'failed' | 'cancelled' = 'running';
  run = 1;
  over = false;
  sealed = false;
  #caught: string | undefined;
  #moments: Moment[] = [];

  constructor(
    stages: readonly (readonly string[])[],
    private readonly parallel: boolean,
    private readonly allowFailures: boolean,
  ) {
    for (const [stage, ids] of stages.entries()) for (const id of ids) this.#push(id, stage, 'waiting');
  }

  seal(): boolean {
    if (this.sealed) return true;
    if (this.status !== 'running') return false;
    this.sealed = true;
    return this.#done(true);
  }

  begin(id: string): boolean {
    const job = this.#job(id);
    if (!job || FINAL.includes(job.state) || job.state === 'waiting') return false;
    if (this.status !== 'running') {
      job.state = this.#leftOver();
      return this.#done(false);
    }
    job.state = 'running';
    job.attempts++;
    return this.#done(true);
  }

  succeed(id: string): boolean {
    const job = this.#open(id);
    if (!job) return false;
    job.state = 'succeeded';
    job.attempts ||= 1;
    this.#moments.push({ kind: 'progress', job: id, error: undefined });
    return this.#done(true);
  }

  fail(id: string, error: string): boolean {
    const job = this.#open(id);
    if (!job) return false;
    job.attempts ||= 1;
    this.#moments.push({ kind: 'progress', job: id, error: undefined });
    if (this.status === 'cancelled') {
      job.state = 'cancelled';
      return this.#done(true);
    }
    job.state = 'failed';
    if (!this.allowFailures && this.status === 'running') {
      this.status = 'failed';
      this.#all(['waiting', 'queued'], 'skipped');
    }
    if (this.#caught === undefined) {
      this.#caught = error;
      this.#moments.push({ kind: 'catch', job: id, error });
    }
    return this.#done(true);
  }

  pause(id: string, error: string): boolean {
    const job = this.#open(id);
    if (!job) return false;
    if (this.status !== 'running') {
      this.fail(id, error);
      return false;
    }
    job.state = 'queued';
    return this.#done(true);
  }

  release(id: string): boolean {
    const job = this.#job(id);
    if (job?.state !== 'running') return false;
    job.attempts = Math.max(0, job.attempts - 1);
    job.state = this.status === 'running' ? 'queued' : this.#leftOver();
    return this.#done(this.status === 'running');
  }

  cancel(): boolean {
    if (this.status !== 'running') return false;
    this.status = 'cancelled';
    this.#all(['waiting', 'queued'], 'cancelled');
    return this.#done(true);
  }

  retry(): boolean {
    if (this.status !== 'failed' || !this.over || !this.sealed) return false;
    this.run++;
    this.status = 'running';
    this.over = false;
    this.#caught = undefined;
    for (const job of this.jobs) if (job.state !== 'succeeded') Object.assign(job, { state: 'waiting', attempts: 0 });
    return this.#done(true);
  }

  add(id: string, call: number, stages: readonly (readonly string[])[]): boolean {
    const job = this.#job(id);
    if (job && call < job.adds) return true;
    if (job?.state !== 'running' || this.status !== 'running') return false;
    job.adds++;
    const last = Math.max(-1, ...this.jobs.map(({ stage }) => stage));
    for (const [at, ids] of stages.entries()) {
      for (const added of ids) {
        this.#push(added, this.parallel ? job.stage : last + 1 + at, this.parallel ? 'queued' : 'waiting');
      }
    }
    return this.#done(true);
  }

  stall(error: string): boolean {
    if (this.over || !this.sealed) return false;
    return this.#giveUp(error);
  }

  abandon(error: string): boolean {
    if (this.sealed || this.status !== 'running') return false;
    return this.#giveUp(error);
  }

  #giveUp(error: string): boolean {
    if (this.status === 'running') this.status = 'failed';
    this.#all(['running'], 'failed');
    this.#all(['waiting', 'queued'], 'skipped');
    const why = (this.#caught ??= error);
    if (!this.announced.some(({ kind, run }) => kind === 'catch' && run === this.run)) {
      this.#moments.push({ kind: 'catch', job: undefined, error: why });
    }
    return this.#done(true);
  }

  /** After every change: the next stage, or the end; then what happened is announced, as things now stand. */
  #done(accepted: boolean): boolean {
    const busy = this.jobs.some(({ state }) => state === 'queued' || state === 'running');
    if (!busy && !this.over && (this.sealed || this.status !== 'running')) {
      const waiting = this.jobs.filter(({ state }) => state === 'waiting');
      if (this.status === 'running' && waiting.length > 0) {
        const stage = Math.min(...waiting.map((job) => job.stage));
        for (const job of waiting) if (job.stage === stage) job.state = 'queued';
      } else this.#end();
    }
    for (const moment of this.#moments) this.announced.push({ ...moment, ...this.#snapshot() });
    this.#moments = [];
    return accepted;
  }

  #end(): void {
    this.over = true;
    if (this.status === 'running') this.status = this.#count('failed') > 0 ? 'failed' : 'succeeded';
    if (this.status === 'succeeded') this.#moments.push({ kind: 'then', job: undefined, error: undefined });
    const error = this.status === 'failed' ? this.#caught : undefined;
    this.#moments.push({ kind: 'finally', job: undefined, error });
  }

  #snapshot() {
    const [succeeded, failed, skipped, cancelled] = (['succeeded', 'failed', 'skipped', 'cancelled'] as const).map(
      (state) => this.#count(state),
    ) as [number, number, number, number];
    const completed = succeeded + failed + skipped + cancelled;
    const total = this.jobs.length;
    const percent = total === 0 ? 100 : Math.floor((100 * completed) / total);
    const { run, status } = this;
    return { run, status, total, completed, percent, succeeded, failed, skipped, cancelled };
  }

  #count(state: JobState): number {
    return this.jobs.filter((job) => job.state === state).length;
  }

  #all(from: readonly JobState[], to: JobState): void {
    for (const job of this.jobs) if (from.includes(job.state)) job.state = to;
  }

  #open(id: string): NaiveJob | undefined {
    const job = this.#job(id);
    return job && !FINAL.includes(job.state) && job.state !== 'waiting' ? job : undefined;
  }

  #leftOver(): JobState {
    return this.status === 'cancelled' ? 'cancelled' : 'skipped';
  }

  #job(id: string): NaiveJob | undefined {
    return this.jobs.find((job) => job.id === id);
  }

  #push(id: string, stage: number, state: JobState): void {
    this.jobs.push({ id, stage, state, attempts: 0, adds: 0 });
  }
}
