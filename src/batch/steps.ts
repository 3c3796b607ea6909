import type { Step } from '../contracts/batch-store.js';
import type { NewJob } from '../contracts/batch-store.js';
import {
  abandon,
  add,
  begin,
  cancel,
  type Outcome,
  pause,
  release,
  RERUN,
  retry,
  seal,
  settle,
  stall,
  start,
} from './transitions/index.js';

/** A relay that is not heard of for this long is taken to be dead, and its lease with it. */
export const RELAY_LEASE_MS = 15_000;

const WAITING = ['waiting'] as const;

/** Transitions as steps for a store: which batch and job, what the transition needs to see, how durable it is to be. */
export class Steps {
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  seal(batchId: string): Step {
    return this.#step(batchId, undefined, { transition: (view) => seal(view, this.#now()) });
  }

  /** Of a nested batch, by its outer one's run. */
  start(batchId: string, outerRun: number): Step {
    return this.#step(batchId, undefined, {
      nextIn: RERUN,
      transition: (view) => start(view, outerRun, this.#now()),
    });
  }

  /** Undone by a loss of power it means one receipt that is not counted. */
  begin(batchId: string, jobId: string, event: string): Step {
    return this.#step(batchId, jobId, {
      transition: (view) => begin(view, event, this.#now()),
      durable: false,
    });
  }

  settle(batchId: string, jobId: string, outcome: Outcome): Step {
    return this.#step(batchId, jobId, { transition: (view) => settle(view, outcome, this.#now()) });
  }

  pause(batchId: string, jobId: string, error: string): Step {
    return this.#step(batchId, jobId, { transition: (view) => pause(view, error, this.#now()) });
  }

  release(batchId: string, jobId: string): Step {
    return this.#step(batchId, jobId, { transition: (view) => release(view, this.#now()) });
  }

  cancel(batchId: string): Step {
    return this.#step(batchId, undefined, { transition: (view) => cancel(view, this.#now()) });
  }

  retry(batchId: string): Step {
    return this.#step(batchId, undefined, { nextIn: RERUN, transition: (view) => retry(view, this.#now()) });
  }

  add(batchId: string, jobId: string, call: number, jobs: readonly NewJob[], stages: number): Step {
    const addition = { call, jobs: jobs.length, stages, nests: jobs.some(({ child }) => child !== undefined) };
    return {
      ...this.#step(batchId, jobId, { transition: (view) => add(view, addition, this.#now()) }),
      add: jobs,
    };
  }

  abandon(batchId: string): Step {
    return this.#step(batchId, undefined, { transition: (view) => abandon(view, this.#now()) });
  }

  stall(batchId: string, reason: string): Step {
    return this.#step(batchId, undefined, { transition: (view) => stall(view, reason, this.#now()) });
  }

  #step(
    batchId: string,
    jobId: string | undefined,
    { nextIn = WAITING, durable = true, transition }: Partial<Step> & Pick<Step, 'transition'>,
  ): Step {
    const now = this.#now();
    return { batchId, jobId, nextIn, transition, durable, relayUntil: now + RELAY_LEASE_MS, now };
  }
}
