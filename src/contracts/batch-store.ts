import type { BatchStatus, JobState, LifecycleEvents, LifecycleKind } from './batch.js';

/**
 * Where batches live. A store keeps records, job rows and an outbox, and runs transitions on them atomically; what a
 * transition does is decided above it, once (src/batch/transitions). Each comment is a promise of the stores'
 * conformance suite. All times are ms since the Unix epoch, by the caller's clock.
 */
export interface BatchStore {
  readonly name: string;
  /** Opening twice is safe. @throws {ThrunError} THRUN_STORE_UNAVAILABLE */
  open(): Promise<void>;
  /** Batches were ever made here. Makes nothing itself. */
  used(): Promise<boolean>;
  /**
   * Adds a batch with its first jobs and, in the same step, applies `then` to it. A batch of that id that is there already
   * stays as it is, but for that step.
   */
  create(batch: BatchRecord, jobs: readonly NewJob[], then?: Step): Promise<Applied | undefined>;
  /** Adds jobs to a batch that is not sealed. Those that are there already stay as they are. False: there is no such open batch. */
  fill(batchId: string, jobs: readonly NewJob[], now: number): Promise<boolean>;
  /**
   * Applies each step to its batch, in order, each atomically and as durable as the store makes it. Answers in the same
   * order; undefined where there is no such batch. When it rejects, some of them may have been applied.
   */
  apply(steps: readonly Step[]): Promise<readonly (Applied | undefined)[]>;
  /**
   * Takes the relay's lease of the batch until `until`, unless another relay has it, and resolves to the outbox in order (the
   * first thousand entries of it; so does whatever else hands out an outbox); empty, without a lease, when there is nothing to
   * send or somebody else is at it.
   */
  takeOutbox(batchId: string, until: number, now: number): Promise<readonly OutboxEntry[]>;
  /**
   * Crosses off all entries up to `seq`. Resolves to what has come since, extending the lease that was taken until `held`;
   * empty: nothing has, or a step has been given it, and the lease is given back; or another relay has taken over.
   */
  sent(batchId: string, seq: number, held: number, until: number): Promise<readonly OutboxEntry[]>;
  /** Entries that are not crossed off yet, without a lease: for looking. */
  outbox(batchId: string): Promise<readonly OutboxEntry[]>;
  get(batchId: string): Promise<BatchRecord | undefined>;
  /** How each of these batches stands; undefined: there is none. */
  statuses(batchIds: readonly string[]): Promise<readonly (BatchStatus | undefined)[]>;
  /** Jobs in order, from index `from` on. */
  jobs(batchId: string, from: number, limit: number): Promise<readonly JobRecord[]>;
  /** What the jobs of a stage returned, in order: JSON text, undefined for one that gave nothing (yet). */
  results(batchId: string, stage: number): Promise<readonly (string | undefined)[]>;
  /** Newest first. */
  list(filter: BatchFilter, limit: number): Promise<readonly BatchRecord[]>;
  /** Batches that need the sweeper's care, and why; the longest waiting first. */
  overdue(times: OverdueTimes, limit: number): Promise<readonly Overdue[]>;
  /**
   * Deletes finished batches with all that is theirs; nested ones go with the outermost, and where that was never made.
   * Resolves to how many, nested ones included.
   */
  prune(filter: PruneFilter): Promise<number>;
  /** Closing twice is safe. */
  close(): Promise<void>;
}

/** All that is known of a batch but its jobs. Small, however many jobs there are. */
export interface BatchRecord {
  readonly id: string;
  readonly name: string | null;
  /** 1, and one more for each retry. */
  readonly run: number;
  /** All jobs beside each other; added ones join them. */
  readonly parallel: boolean;
  readonly allowFailures: boolean;
  readonly events: LifecycleEvents;
  readonly status: BatchStatus;
  /** All its first jobs are there; nothing runs before. */
  readonly sealed: boolean;
  /** A nested one is sealed when it is made, and started when its turn comes. */
  readonly started: boolean;
  readonly counts: Readonly<Record<JobState, number>>;
  /** What has been announced in this run. */
  readonly fired: readonly Exclude<LifecycleKind, 'progress'>[];
  /** The first failure of this run. */
  readonly failure: BatchFailure | undefined;
  /** The id of the last `progress` event of this run. */
  readonly progressed: string | undefined;
  /** The stage after the last one, and the index after the last job: where added jobs go. */
  readonly nextStage: number;
  readonly nextIndex: number;
  /** Some of its jobs are nested batches. */
  readonly nests: boolean;
  readonly parent: ParentRef | undefined;
  readonly createdAt: number;
  /** When something last happened to it. */
  readonly updatedAt: number;
  /** When nothing could run any more. */
  readonly finishedAt: number | undefined;
}

export interface BatchFailure {
  readonly job: { readonly job_id: string; readonly event: string } | undefined;
  readonly message: string;
}

/** The job of an outer batch that a nested batch is. */
export interface ParentRef {
  readonly batchId: string;
  readonly jobId: string;
  /** The outer batch's run it was last started in. */
  readonly run: number;
}

/** A job as it is added. */
export interface NewJob {
  readonly id: string;
  /**
   * Place among all jobs of the batch; of jobs that are added later: among those. The same for `stage`. By the time a batch is
   * sealed there are no gaps, and no stage is lower than one before it.
   */
  readonly index: number;
  readonly stage: number;
  /** The contract name; of a nested batch its name. */
  readonly event: string;
  /** JSON text. */
  readonly payload: string;
  readonly queue?: string;
  readonly key?: string;
  /** The nested batch that this is. */
  readonly child?: string;
}

export interface JobRecord extends NewJob {
  readonly state: JobState;
  /** Begun so often in this run. */
  readonly attempts: number;
  readonly error?: string;
  /** JSON text. */
  readonly result?: string;
  /** How often it has added jobs: a repeated call is known by its number. */
  readonly adds: number;
  /** Ms since the epoch; when its state last changed. */
  readonly changedAt: number;
}

/** What is decided by of a job: all but what it is to do, and where. */
export type JobHead = Omit<JobRecord, 'payload' | 'queue' | 'key'>;

/** What a transition sees: the record, the job it is about, and the first stage that waits. */
export interface View {
  readonly batch: BatchRecord;
  readonly job: JobHead | undefined;
  readonly next: NextStage | undefined;
}

/** The lowest stage with jobs in one of the states asked for. */
export interface NextStage {
  readonly stage: number;
  readonly count: number;
  /** Lowest and highest index among them. */
  readonly from: number;
  readonly to: number;
}

/** One transition on one batch. */
export interface Step {
  readonly batchId: string;
  readonly jobId: string | undefined;
  /** `next` of the view is the first stage with jobs in these states. */
  readonly nextIn: readonly JobState[];
  /** Pure: may be called again when another process was quicker. */
  readonly transition: (view: View) => Change;
  /** Where given, the relay's lease is taken until then in the same step, if there is something to send. */
  readonly relayUntil: number | undefined;
  /**
   * What it changes has survived a loss of power, where the store can promise that. False: it may be written with the next
   * step of its batch, or a moment later, and is lost with the process until then; who asks this store sees it at once.
   */
  readonly durable: boolean;
  readonly now: number;
  /** Jobs that are added with it, where the change says so. */
  readonly add?: readonly NewJob[];
}

/** What follows from a transition. Without a record nothing changes. */
export interface Change {
  /** False: it did not apply. */
  readonly accepted: boolean;
  readonly batch?: BatchRecord;
  readonly job?: JobChange;
  /** Sets of jobs that change state, in this order, after `job`. */
  readonly moves?: readonly Move[];
  /** The step's new jobs are stored, in this state, counted from this index and stage on. */
  readonly add?: { readonly state: 'waiting' | 'queued'; readonly index: number; readonly stage: number };
  readonly outbox?: readonly Outgoing[];
}

/** Every field is set as given; undefined empties it. */
export interface JobChange {
  readonly id: string;
  readonly state: JobState;
  readonly attempts: number;
  readonly adds: number;
  readonly error: string | undefined;
  readonly result: string | undefined;
}

export interface Move {
  readonly from: readonly JobState[];
  readonly to: JobState;
  /** Only jobs of this stage. */
  readonly stage?: number;
  /** Attempts, error and result are forgotten. */
  readonly fresh?: boolean;
}

/** What is to be sent because of a transition. */
export type Outgoing =
  /** The queued jobs among these, both ends included; nested batches among them are started. */
  | { readonly kind: 'jobs'; readonly from: number; readonly to: number; readonly stage: number; readonly run: number }
  | {
      readonly kind: 'event';
      readonly lifecycle: LifecycleKind;
      readonly event: string;
      readonly eventId: string;
      /** JSON text. */
      readonly payload: string;
    }
  /** Nested batches that the end of this one skipped or cancelled are to end too. */
  | { readonly kind: 'end_children' }
  /** The outer batch is to hear how this one ended. */
  | { readonly kind: 'parent'; readonly status: BatchStatus; readonly error: string | undefined };

export interface OutboxEntry {
  /** Grows within a batch, and is never used again. */
  readonly seq: number;
  readonly at: number;
  readonly out: Outgoing;
  /** Of jobs that are to be sent: they, and what the stage before them returned, where the store has them at hand. */
  readonly stage?: { readonly jobs: readonly JobRecord[]; readonly results: readonly (string | undefined)[] };
}

export interface Applied {
  readonly accepted: boolean;
  readonly batch: BatchRecord;
  /** As it was before the step. */
  readonly job: JobHead | undefined;
  /** The outbox, where the relay's lease was taken; of steps on one batch in one call the first that asks may get it for all. */
  readonly outbox: readonly OutboxEntry[];
}

export interface BatchFilter {
  readonly status?: BatchStatus;
  readonly name?: string;
  /** Created at or after. */
  readonly since?: number;
  /** Nested ones too. Default: outermost only. */
  readonly nested?: boolean;
}

export interface PruneFilter {
  readonly finishedBefore: number;
  readonly status?: BatchStatus;
}

export interface OverdueTimes {
  /** Not sealed, and nothing was added since before this. */
  readonly unsealed: number;
  /** The oldest entry of its outbox is from before this, and no relay has the lease. */
  readonly outbox: number;
  /** Not finished, and nothing has happened since before this. */
  readonly idle: number;
  readonly now: number;
}

export interface Overdue {
  readonly batchId: string;
  readonly why: 'unsealed' | 'outbox' | 'idle';
}
