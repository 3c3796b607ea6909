import { Bag, type Placed } from '../contracts/bag.js';
import type { BatchJobs, JobBatch, JobEnd, JobRef } from '../contracts/batch.js';
import type { Applied, Step } from '../contracts/batch-store.js';
import type { Clock } from '../contracts/clock.js';
import { ThrunError } from '../contracts/errors.js';
import type { Logger } from '../contracts/listener.js';
import type { Batches } from './batches.js';
import { resultText } from './job-message.js';
import type { BatchMembers } from './members.js';

export interface JobReporterParts {
  /** The store is opened by the first job of a batch. */
  readonly batches: () => Promise<Batches>;
  readonly isSending: () => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Running extends Placed {
  readonly batchId: string;
  readonly abort: (reason: Error) => void;
}

/** How soon a running job hears that its batch was cancelled. */
const LOOK_MS = 500;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 5000;

/** What a worker asks and tells the batches about the jobs it runs. A store that is away is waited for. */
export class JobReporter implements BatchJobs {
  readonly #parts: JobReporterParts;
  readonly #running = new Bag<Running>();
  #watching = false;
  #closed = false;

  constructor(parts: JobReporterParts) {
    this.#parts = parts;
  }

  async begin(job: JobRef, abort: (reason: Error) => void): Promise<'run' | 'drop' | 'stranger'> {
    const applied = await this.#apply(({ steps }) => steps.begin(job.batchId, job.jobId, job.event));
    if (isStranger(applied, job)) return 'stranger';
    if (!applied?.accepted) return 'drop';
    const running = { batchId: job.batchId, abort, place: -1 };
    job.running = running;
    this.#running.add(running);
    this.#watch();
    return 'run';
  }

  async end(job: JobRef, end: JobEnd): Promise<boolean> {
    if (job.running) this.#running.delete(job.running as Running);
    const applied = await this.#apply((batches) => this.#stepFor(batches, job, end));
    if (isStranger(applied, job)) return true;
    return applied?.accepted === true || end.kind === 'succeeded' || end.kind === 'failed';
  }

  get isSending(): boolean {
    return this.#parts.isSending();
  }

  batchOf(job: JobRef): JobBatch {
    const { batchId, jobId, previousResult } = job;
    const { batches } = this.#parts;
    let call = 0;
    let last: Promise<unknown> = Promise.resolve();
    // One after the other, and only those that came to something are counted: the next receipt repeats them by number.
    const add = (members: BatchMembers): Promise<readonly string[]> => {
      const adding = last.then(async () => {
        const ids = await (await batches()).add(batchId, jobId, call, members);
        call++;
        return ids;
      });
      last = adding.catch(() => undefined);
      return adding;
    };
    return {
      id: batchId,
      jobId,
      previousResult,
      add: (jobs) => add(jobs as BatchMembers),
      cancel: async () => void (await (await batches()).cancel(batchId)),
      status: async () => (await batches()).progress(batchId),
    };
  }

  /** Waits for the store no longer: what is not settled by now is delivered again. */
  close(): void {
    this.#closed = true;
  }

  #stepFor({ steps }: Batches, { batchId, jobId, event }: JobRef, end: JobEnd): Step {
    switch (end.kind) {
      case 'succeeded': {
        const { text, problem } = resultText(end.result);
        if (problem !== undefined) {
          this.#parts.logger.warn({ batch: batchId, job: jobId, event }, `its result is not handed on: ${problem}`);
        }
        return steps.settle(batchId, jobId, { kind: 'succeeded', result: text });
      }
      case 'failed':
        return steps.settle(batchId, jobId, { kind: 'failed', error: end.error });
      case 'paused':
        return steps.pause(batchId, jobId, end.error);
      case 'released':
        return steps.release(batchId, jobId);
    }
  }

  /** Until the store has taken it: a job that is not counted must not be acknowledged. */
  async #apply(stepOf: (batches: Batches) => Step): Promise<Applied | undefined> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const batches = await this.#parts.batches();
        const step = stepOf(batches);
        const applied = await batches.queue.apply(step);
        if (applied) void batches.relay.deliver(applied, step.relayUntil ?? 0);
        return applied;
      } catch (error) {
        if (this.#closed) throw error;
        this.#parts.logger.error({ error: String(error) }, 'the batch store does not answer; trying again');
        await new Promise<void>((resolve) => this.#parts.clock.after(pause, resolve));
      }
    }
  }

  /** While jobs run, their batches are looked at; nothing is when none does. */
  #watch(): void {
    if (this.#watching || this.#closed) return;
    this.#watching = true;
    this.#parts.clock.after(LOOK_MS, () => {
      void this.#look().finally(() => {
        this.#watching = false;
        if (this.#running.size > 0) this.#watch();
      });
    });
  }

  async #look(): Promise<void> {
    const ids = [...new Set([...this.#running].map(({ batchId }) => batchId))];
    if (ids.length === 0) return;
    try {
      const statuses = await (await this.#parts.batches()).store.statuses(ids);
      const cancelled = new Set(ids.filter((_, i) => statuses[i] === 'cancelled'));
      for (const { batchId, abort } of [...this.#running]) {
        if (cancelled.has(batchId)) abort(new ThrunError('THRUN_FAILED', [`the batch ${batchId} was cancelled`]));
      }
    } catch {
      // The next look may be luckier; settling says it when the store is away.
    }
  }
}

function isStranger(applied: Applied | undefined, { event }: JobRef): boolean {
  return applied?.job === undefined || applied.job.event !== event;
}
