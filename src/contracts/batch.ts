import type { Placed } from './bag.js';
import type { JsonValue } from './envelope.js';

/** What a batch is about, and what a worker says and hears of it. What is kept of one is in batch-store.ts. */

/** Settled are the last four: a job that is in one of them is counted, and stays there until the batch is retried. */
export type JobState = 'waiting' | 'queued' | 'running' | 'succeeded' | 'failed' | 'cancelled' | 'skipped';

/** `running` until it is known how it ends; what still runs then ends by itself. */
export type BatchStatus = 'running' | 'succeeded' | 'failed' | 'cancelled';

/** The moments a batch can announce. */
export const LIFECYCLE_KINDS = ['progress', 'then', 'catch', 'finally'] as const;
export type LifecycleKind = (typeof LIFECYCLE_KINDS)[number];

/** Event names, by the moment they announce. */
export type LifecycleEvents = { readonly [Kind in LifecycleKind]?: string };

/** What is said once of every batch of a name, with `@ThrunBatch`. */
export interface NamedBatchOptions extends LifecycleEvents {
  /** All jobs beside each other. Default: one after the other, a list among them being a parallel stage. */
  readonly parallel?: boolean;
  /** The rest runs on when a job has failed. Default: the first failure ends the batch. */
  readonly allowFailures?: boolean;
}

/** A class that `@ThrunBatch` names: made from its payload, it says which jobs the batch has. */
export interface NamedBatch<Payload = unknown> {
  readonly payload?: Payload;
  /** Jobs in order; a list among them is a parallel stage. Must not depend on anything but the payload. */
  jobs(): readonly (object | readonly object[])[];
}

/** Longest JSON text that is handed on from one job to the next, bytes. */
export const MAX_RESULT_BYTES = 64 * 1024;

/** How far a batch is: what every lifecycle event carries. schemas/batch-lifecycle.schema.json says it for other languages. */
export interface BatchProgress {
  readonly batch_id: string;
  readonly name: string | null;
  readonly status: BatchStatus;
  readonly total: number;
  /** Settled jobs: succeeded, failed, skipped and cancelled ones. */
  readonly completed: number;
  /** `completed` of `total`, rounded down to a whole number; 100 for an empty batch. */
  readonly percent: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly skipped: number;
  readonly cancelled: number;
}

/** The payload of a lifecycle event. */
export interface LifecyclePayload extends BatchProgress {
  /** 1, and one more for each retry of the batch. */
  readonly run: number;
  /** The job it is about: in `progress` the one that was settled, in `catch` the first that failed. */
  readonly job?: { readonly job_id: string; readonly event: string };
  /** In `catch`, and in `finally` of a failed batch: why. */
  readonly error?: { readonly message: string };
}

/** The batch a job runs in, as its handler sees it: `context.batch`. */
export interface JobBatch {
  readonly id: string;
  readonly jobId: string;
  /**
   * What the job before this one returned; after a parallel stage the list of what its jobs returned, in their order.
   * Undefined where there is none, where it failed, or where it is larger than 64 KiB.
   */
  readonly previousResult: JsonValue | undefined;
  /**
   * Adds jobs to the batch while this one runs: at its end, or, where all jobs run beside each other, to them. Safe to
   * repeat: the same call of the same job adds once. Resolves to the new jobs' ids.
   * @throws {ThrunError} THRUN_BATCH_STATE when the batch has ended
   */
  add(jobs: readonly unknown[]): Promise<readonly string[]>;
  /** Cancels the batch: what waits is cancelled, what runs (this job too) gets its AbortSignal. */
  cancel(): Promise<void>;
  status(): Promise<BatchProgress>;
}

/** Names one job of one batch, as its envelope does. */
export interface JobRef {
  readonly batchId: string;
  readonly jobId: string;
  /** The contract name. A batch and a job that do not have such a job are none of this delivery's business. */
  readonly event: string;
  readonly previousResult: JsonValue | undefined;
  /** Where it lies among those that run, for whoever counts them. */
  running?: Placed;
}

/** How one receipt of a job ended. */
export type JobEnd =
  | { readonly kind: 'succeeded'; readonly result: unknown }
  | { readonly kind: 'failed'; readonly error: string }
  /** It will be tried again. */
  | { readonly kind: 'paused'; readonly error: string }
  /** It was handed back before it was done. */
  | { readonly kind: 'released' };

/** What a worker asks and tells the batches about their jobs. Each rejects only when this process stops. */
export interface BatchJobs {
  /**
   * Before a job runs. `drop`: the batch does not want it (any more). `stranger`: there is no such batch here or no such job
   * in it, so it is a job like any other.
   */
  begin(job: JobRef, abort: (reason: Error) => void): Promise<'run' | 'drop' | 'stranger'>;
  /** Before its delivery is settled. False: the batch has ended meanwhile, so there is nothing to try again. */
  end(job: JobRef, end: JobEnd): Promise<boolean>;
  /** Something is being sent, or was a moment ago: what looks empty may not be for long. */
  readonly isSending: boolean;
  /** What its handler gets to see of the batch. */
  batchOf(job: JobRef): JobBatch;
}
