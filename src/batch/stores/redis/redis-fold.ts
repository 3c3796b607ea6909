import type {
  Applied,
  BatchRecord,
  Change,
  JobRecord,
  Move,
  NewJob,
  NextStage,
  Step,
  View,
} from '../../../contracts/batch-store.js';
import type { JobState } from '../../../contracts/batch.js';
import type { Argument } from '../../../redis/redis-script.js';
import { digits, runText } from './redis-store-rows.js';

/** Where the first jobs of a batch are. */
export const FIRST = { state: 'waiting', index: 0, stage: 0 } as const;

/** A batch as it was read; what it is not known to have is not there. */
export interface Snapshot {
  readonly batch: BatchRecord;
  readonly jobs: ReadonlyMap<string, JobRecord>;
  /** The first stage with jobs in these states. */
  readonly next: NextStage | undefined;
  readonly nextIn: readonly JobState[];
}

/** A step needs to see what the steps before it have changed in ways only the store can tell. */
class Unseen extends Error {}

/**
 * Steps on one batch, one after the other, on a copy of it; what they come to is written in one go. A worker that settles
 * fifty jobs of a batch pays for one round trip.
 */
export class Fold {
  readonly #snapshot: Snapshot;
  readonly #jobs: Map<string, JobRecord>;
  readonly #changes: Argument[] = [];
  readonly #answers: Omit<Applied, 'outbox'>[] = [];
  #batch: BatchRecord;
  #isNextKnown = true;
  #changed = false;
  #added = false;

  constructor(snapshot: Snapshot) {
    this.#snapshot = snapshot;
    this.#batch = snapshot.batch;
    this.#jobs = new Map(snapshot.jobs);
  }

  /** A batch that is being made, with its jobs. */
  static ofNew(batch: BatchRecord, jobs: readonly NewJob[], nextIn: readonly JobState[]): Fold {
    const now = batch.updatedAt;
    const fresh = { state: 'waiting', attempts: 0, adds: 0, changedAt: now } as const;
    const fold = new Fold({
      batch,
      jobs: new Map(jobs.map((job) => [job.id, { ...job, ...fresh }])),
      next: nextIn.includes('waiting') ? firstStage(jobs) : undefined,
      nextIn,
    });
    fold.add(jobs, FIRST, now);
    // All of it is here to be seen.
    fold.#added = false;
    fold.#isNextKnown = true;
    return fold;
  }

  get batch(): BatchRecord {
    return this.#batch;
  }

  /** Something is to be written. */
  get changed(): boolean {
    return this.#changed;
  }

  /** As the script that writes takes them. */
  get changes(): readonly Argument[] {
    return this.#changes;
  }

  get answers(): readonly Omit<Applied, 'outbox'>[] {
    return this.#answers;
  }

  /** The batch as it is now with the jobs that run; undefined when none of those that were looked at does. */
  running(): Snapshot | undefined {
    const running = [...this.#jobs].filter(([, { state }]) => state === 'running');
    if (running.length === 0) return undefined;
    const { next, nextIn } = this.#snapshot;
    const seen = this.#isNextKnown ? { next, nextIn } : { next: undefined, nextIn: [] };
    return { batch: this.#batch, jobs: new Map(running), ...seen };
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

  /** Jobs that are not there yet. */
  add(jobs: readonly NewJob[], { state, index, stage }: NonNullable<Change['add']>, now: number): void {
    for (const run of runsOf(jobs)) {
      const stages = Buffer.alloc(4 * run.length);
      for (const [place, job] of run.entries()) stages.writeUInt32BE(stage + job.stage, 4 * place);
      const first = index + (run[0]?.index ?? 0);
      this.#changes.push('add', first, run.length, digits([state]), now, stages);
      for (const job of run) {
        const stored = { ...job, index: index + job.index, stage: stage + job.stage };
        this.#changes.push(job.id, JSON.stringify(stored));
      }
    }
    this.#added ||= jobs.length > 0;
    this.#isNextKnown = false;
    this.#changed = true;
  }

  set(batch: BatchRecord): void {
    this.#batch = batch;
    this.#changed = true;
  }

  #view(job: JobRecord | undefined, nextIn: readonly JobState[]): View {
    const known = this.#isNextKnown && digits(nextIn) === digits(this.#snapshot.nextIn);
    const { next } = this.#snapshot;
    return {
      batch: this.#batch,
      job,
      get next() {
        if (!known) throw new Unseen();
        return next;
      },
    };
  }

  #write(
    { batch, job: jobChange, add, moves = [], outbox = [] }: Change,
    job: JobRecord | undefined,
    step: Step,
  ): void {
    if (!batch) return;
    const { now } = step;
    this.set(batch);
    if (jobChange && job) {
      const { state, attempts, adds, error, result } = jobChange;
      this.#changes.push('job', job.index, digits([state]), now, runText(jobChange));
      const { error: _, result: __, ...lasting } = job;
      const after = { ...lasting, state, attempts, adds, changedAt: now };
      this.#jobs.set(job.id, {
        ...after,
        ...(error !== undefined && { error }),
        ...(result !== undefined && { result }),
      });
      this.#doubtNext(job.state, state);
    }
    if (add) this.add(step.add ?? [], add, now);
    for (const move of moves) this.#move(move, now);
    for (const out of outbox) this.#changes.push('send', now, JSON.stringify(out));
  }

  #move(move: Move, now: number): void {
    const { from, to, stage, fresh } = move;
    this.#changes.push('move', digits(from), digits([to]), stage ?? '', now, fresh ? '1' : '');
    this.#doubtNext(...from, to);
    for (const [id, job] of this.#jobs) {
      if (!from.includes(job.state) || (stage !== undefined && job.stage !== stage)) continue;
      const { error: _, result: __, ...lasting } = job;
      this.#jobs.set(id, { ...(fresh ? { ...lasting, attempts: 0 } : job), state: to, changedAt: now });
    }
  }

  #doubtNext(...states: readonly JobState[]): void {
    if (states.some((state) => this.#snapshot.nextIn.includes(state))) this.#isNextKnown = false;
  }
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
  const among = jobs.filter((job) => job.stage === stage).map(({ index }) => index);
  const [first] = among;
  if (first === undefined) return undefined;
  const from = among.reduce((lowest, index) => Math.min(lowest, index), first);
  const to = among.reduce((highest, index) => Math.max(highest, index), first);
  return { stage, count: among.length, from, to };
}
