import type {
  Applied,
  BatchRecord,
  Change,
  JobHead,
  Move,
  NewJob,
  NextStage,
  Outgoing,
  Step,
  View,
} from '../../../contracts/batch-store.js';
import type { JobState } from '../../../contracts/batch.js';
import type { Argument } from '../../../redis/redis-script.js';
import { digit, digits, jobText, runText } from './redis-store-rows.js';

/** Where the first jobs of a batch are. */
export const FIRST = { state: 'waiting', index: 0, stage: 0 } as const;

/** A batch as it was read; what it is not known to have is not there. */
export interface Snapshot {
  readonly batch: BatchRecord;
  readonly jobs: Iterable<JobHead>;
  /** The first stage with jobs in these states. */
  readonly next: NextStage | undefined;
  readonly nextIn: readonly JobState[];
}

type Answer = Omit<Applied, 'outbox'>;

const UNKNOWN: readonly JobState[] = [];

/** A step needs to see what the steps before it have changed in ways only the store can tell. */
class Unseen extends Error {}

/**
 * Steps on one batch, one after the other, on a copy of it; what they come to is written in one go. A worker that settles
 * fifty jobs of a batch pays for one round trip. The copy goes on being true for as long as nobody else writes.
 */
export class Fold {
  readonly #jobs: Map<string, JobHead>;
  /** Of jobs that are settled: known until that is written. */
  readonly #over: string[] = [];
  #batch: BatchRecord;
  #next: NextStage | undefined;
  #nextIn: readonly JobState[];
  #changes: Argument[] = [];
  #answers: Answer[] = [];
  #changed = false;
  #mayWait = true;
  #added = false;
  /** It is being made: its jobs are at hand as they are. */
  #isNew = false;

  constructor({ batch, jobs, next, nextIn }: Snapshot) {
    this.#batch = batch;
    this.#jobs = new Map();
    for (const job of jobs) this.#jobs.set(job.id, job);
    this.#next = next;
    this.#nextIn = nextIn;
  }

  /** A batch that is being made, with its jobs. */
  static ofNew(batch: BatchRecord, jobs: readonly NewJob[], nextIn: readonly JobState[]): Fold {
    const changedAt = batch.updatedAt;
    const next = nextIn.includes('waiting') ? firstStage(jobs) : undefined;
    const fold = new Fold({ batch, jobs: jobs.map((job) => headOf(job, changedAt)), next, nextIn });
    fold.add(jobs, FIRST, changedAt);
    // All of it is here to be seen.
    fold.#added = false;
    fold.#next = next;
    fold.#nextIn = nextIn;
    fold.#isNew = true;
    return fold;
  }

  get batch(): BatchRecord {
    return this.#batch;
  }

  /** How many jobs it knows. */
  get size(): number {
    return this.#jobs.size;
  }

  /** Something is to be written. */
  get changed(): boolean {
    return this.#changed;
  }

  /** Each of the changes is about one job, and none is to be sent: they may wait for others to be written with. */
  get mayWait(): boolean {
    return this.#mayWait;
  }

  /** As the script that writes takes them. */
  get changes(): readonly Argument[] {
    return this.#changes;
  }

  /** Nothing more will come of it, or nothing is known that would save a look. */
  get isOver(): boolean {
    return this.#batch.finishedAt !== undefined || this.#jobs.size === 0;
  }

  /** The first stage with jobs in these states is not known any more. */
  doubts(states: readonly JobState[]): boolean {
    return !this.#tellsNext(states) && this.#batch.finishedAt === undefined;
  }

  knows(jobId: string): boolean {
    return this.#jobs.has(jobId);
  }

  /** What was read beside what is known, as it was before what is not written yet. */
  learn({ jobs, next, nextIn }: Omit<Snapshot, 'batch'>): void {
    this.learnJobs(jobs);
    if (!this.#changed) this.learnNext(next, nextIn);
  }

  learnJobs(jobs: Iterable<JobHead>): void {
    for (const job of jobs) this.#jobs.set(job.id, job);
  }

  learnNext(next: NextStage | undefined, nextIn: readonly JobState[]): void {
    this.#next = next;
    this.#nextIn = nextIn;
  }

  /** False: it needs to be read anew before this step. */
  take(step: Step): boolean {
    const { jobId } = step;
    const job = jobId === undefined ? undefined : this.#jobs.get(jobId);
    if (jobId !== undefined && !job && this.#added) return false;
    let change: Change;
    try {
      change = step.transition(this.#view(job, step.nextIn));
    } catch (error) {
      if (error instanceof Unseen) return false;
      throw error;
    }
    this.#write(change, job, step);
    this.#answers.push({ accepted: change.accepted, batch: this.#batch, job });
    return true;
  }

  /** What the steps since the last time came to. */
  answers(): readonly Answer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  /** Everything up to here is in the store. */
  written(): void {
    for (const id of this.#over.splice(0)) this.#jobs.delete(id);
    this.#changes = [];
    this.#changed = false;
    this.#mayWait = true;
    this.#added = false;
    this.#isNew = false;
  }

  /** Jobs that are not there yet. */
  add(jobs: readonly NewJob[], { state, index, stage }: NonNullable<Change['add']>, now: number): void {
    for (const run of runsOf(jobs)) {
      const stages = Buffer.alloc(4 * run.length);
      for (const [place, job] of run.entries()) stages.writeUInt32BE(stage + job.stage, 4 * place);
      const first = index + (run[0]?.index ?? 0);
      this.#changes.push('add', first, run.length, digit(state), now, stages);
      for (const job of run) this.#changes.push(job.id, jobText(job, stage));
    }
    this.#added ||= jobs.length > 0;
    this.#nextIn = UNKNOWN;
    this.#changed = true;
    this.#mayWait = false;
  }

  #view(job: JobHead | undefined, nextIn: readonly JobState[]): View {
    const isKnown = this.#tellsNext(nextIn);
    const next = this.#next;
    return {
      batch: this.#batch,
      job,
      get next() {
        if (!isKnown) throw new Unseen();
        return next;
      },
    };
  }

  #write({ batch, job: jobChange, add, moves = [], outbox = [] }: Change, job: JobHead | undefined, step: Step): void {
    if (!batch) return;
    const { now } = step;
    this.#batch = batch;
    this.#changed = true;
    if (jobChange && job) {
      const { id, index, stage, event, child } = job;
      const { state, attempts, adds, error, result } = jobChange;
      this.#changes.push('job', index, digit(state), now, runText(jobChange));
      this.#jobs.set(id, {
        ...{ id, index, stage, event, state, attempts, adds, changedAt: now },
        ...(child !== undefined && { child }),
        ...(error !== undefined && { error }),
        ...(result !== undefined && { result }),
      });
      if (state !== 'queued' && state !== 'running') this.#over.push(id);
      this.#doubtNext(job.state, state);
    }
    if (add) this.add(step.add ?? [], add, now);
    for (const move of moves) this.#move(move, now);
    for (const out of outbox) this.#send(out, now);
  }

  #tellsNext(states: readonly JobState[]): boolean {
    return states === this.#nextIn || digits(states) === digits(this.#nextIn);
  }

  #send(out: Outgoing, now: number): void {
    const text = JSON.stringify(out);
    this.#mayWait = false;
    if (out.kind === 'jobs' && !this.#isNew) this.#changes.push('stage', now, text, out.from, out.to, out.stage);
    else this.#changes.push('send', now, text);
  }

  #move(move: Move, now: number): void {
    const { from, to, stage, fresh } = move;
    this.#mayWait = false;
    this.#changes.push('move', digits(from), digit(to), stage ?? '', now, fresh ? '1' : '');
    this.#doubtNext(...from, to);
    for (const [id, job] of this.#jobs) {
      if (!from.includes(job.state) || (stage !== undefined && job.stage !== stage)) continue;
      const { error: _, result: __, ...lasting } = job;
      this.#jobs.set(id, { ...(fresh ? { ...lasting, attempts: 0 } : job), state: to, changedAt: now });
      if (to !== 'queued' && to !== 'running') this.#over.push(id);
    }
  }

  #doubtNext(...states: readonly JobState[]): void {
    if (states.some((state) => this.#nextIn.includes(state))) this.#nextIn = UNKNOWN;
  }
}

/** Of one that has just been added. */
function headOf({ id, index, stage, event, child }: NewJob, changedAt: number): JobHead {
  const head = { id, index, stage, event, state: 'waiting', attempts: 0, adds: 0, changedAt } as const;
  return child === undefined ? head : { ...head, child };
}

/** Jobs in rows without gaps. */
function runsOf(jobs: readonly NewJob[]): readonly NewJob[][] {
  const runs: NewJob[][] = [];
  for (const job of jobs) {
    const run = runs.at(-1);
    if (run && run.at(-1)?.index === job.index - 1) run.push(job);
    else runs.push([job]);
  }
  return runs;
}

function firstStage(jobs: readonly NewJob[]): NextStage | undefined {
  const stage = jobs.reduce((lowest, job) => Math.min(lowest, job.stage), Number.POSITIVE_INFINITY);
  let [count, from, to] = [0, Number.POSITIVE_INFINITY, 0];
  for (const job of jobs) {
    if (job.stage !== stage) continue;
    from = Math.min(from, job.index);
    to = Math.max(to, job.index);
    count++;
  }
  return count === 0 ? undefined : { stage, count, from, to };
}
