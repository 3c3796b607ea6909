// The global of this name is a getter, which shows in what is asked three times for each listener.
import { performance } from 'node:perf_hooks';
import { Bag } from '../contracts/bag.js';
import type { BatchJobs, JobRef } from '../contracts/batch.js';
import type { Clock } from '../contracts/clock.js';
import { type Delivery, SUSPECT_CRASHES } from '../contracts/delivery.js';
import type { Envelope } from '../contracts/envelope.js';
import { ThrunError } from '../contracts/errors.js';
import { isGiveUp, isRetryLater, type Logger, type Middleware, type RetryLater } from '../contracts/listener.js';
import { parseDuration } from '../contracts/units.js';
import type { Observer } from '../observability/observation.js';
import type { Listener } from '../registry/listener.js';
import { Context, type PublishFrom } from './context.js';
import { errorText, keptText, stackText } from './error-text.js';
import { endOf, jobRefOf } from './job-ref.js';
import { retryDelay } from './retry-delay.js';
import { Slots } from './slots.js';
import { validatePayload } from './validate-payload.js';
import type { Verdict } from './verdict.js';

export interface RunnerParts {
  readonly slots: Slots;
  readonly middleware: readonly Middleware[];
  readonly logger: Logger;
  readonly publishFrom: PublishFrom;
  readonly observe: Observer;
  readonly random: () => number;
  readonly clock: Clock;
  /** Where jobs of batches are counted. */
  readonly jobs: BatchJobs | undefined;
  /** A listener that keeps the event loop longer than this is reported, ms. */
  readonly blockedAfterMs: number;
}

const NOT_STARTED: Verdict = { kind: 'not_started' };
const DROPPED: Verdict = { kind: 'dropped' };

/** Runs listeners: one attempt each, within the worker's and their own concurrency. Never throws. */
export class ListenerRunner {
  readonly #parts: RunnerParts;
  readonly #limits = new Map<Listener, Slots>();
  readonly #running = new Bag<Context>();

  constructor(parts: RunnerParts) {
    this.#parts = parts;
  }

  /** Answers without a turn of the event loop where nothing has to be waited for before the listener is called. */
  run(listener: Listener, delivery: Delivery, envelope: Envelope): Promise<Verdict> {
    if (listener.concurrency !== undefined)
      return this.#runWithin(this.#limitOf(listener), listener, delivery, envelope);
    const granted = this.#parts.slots.acquire(delivery.crashes >= SUSPECT_CRASHES);
    if (granted === true && delivery.crashes < SUSPECT_CRASHES) return this.#attempt(listener, delivery, envelope);
    return this.#runLater(granted, listener, delivery, envelope);
  }

  /** Deliveries that wait for their own listener's limit. */
  get parked(): number {
    let parked = 0;
    for (const limit of this.#limits.values()) parked += limit.waiting;
    return parked;
  }

  /** No more starts: who waits for a slot gets the verdict `not_started`. */
  stop(): void {
    this.#parts.slots.stop();
    for (const limit of this.#limits.values()) limit.stop();
  }

  /** Raises the AbortSignal of what runs; of one delivery when it is `lost`. */
  abort(reason: Error, lost?: Pick<Delivery, 'id' | 'queue'>): void {
    for (const context of this.#running) {
      const { id, queue } = context.delivered;
      if (lost === undefined || (id === lost.id && queue === lost.queue)) context.abort(reason);
    }
  }

  /** The listener's own limit first: who waits for it must not keep a slot from the others. */
  async #runWithin(limit: Slots, listener: Listener, delivery: Delivery, envelope: Envelope): Promise<Verdict> {
    if (!(await limit.acquire())) return NOT_STARTED;
    try {
      const granted = this.#parts.slots.acquire(delivery.crashes >= SUSPECT_CRASHES);
      return await this.#runLater(granted, listener, delivery, envelope);
    } finally {
      limit.release();
    }
  }

  async #runLater(
    granted: boolean | Promise<boolean>,
    listener: Listener,
    delivery: Delivery,
    envelope: Envelope,
  ): Promise<Verdict> {
    if (!(await granted)) return NOT_STARTED;
    if (delivery.crashes < SUSPECT_CRASHES || (await this.#begin(delivery))) {
      return this.#attempt(listener, delivery, envelope);
    }
    this.#parts.slots.release();
    return NOT_STARTED;
  }

  /** A suspect whose next crash cannot be counted is not run: it could take down worker after worker for ever. */
  async #begin(delivery: Delivery): Promise<boolean> {
    try {
      await delivery.begin();
      return true;
    } catch (error) {
      this.#parts.logger.warn({ id: delivery.id, error: errorText(error) }, 'a suspect delivery could not begin');
      return false;
    }
  }

  /** Holding a slot; gives it back. */
  #attempt(listener: Listener, delivery: Delivery, envelope: Envelope): Promise<Verdict> {
    const context = new Context(envelope, delivery, this.#parts);
    this.#running.add(context);
    const job = this.#parts.jobs && listener.kind === 'job' ? jobRefOf(envelope) : undefined;
    if (!job) return this.#run(listener, delivery, envelope, context, this.#done);
    return this.#runJob(job, listener, delivery, envelope, context).finally(() => this.#done(context));
  }

  readonly #done = (context: Context): void => {
    this.#running.delete(context);
    this.#parts.slots.release();
  };

  /** Around a job of a batch: the batch is asked before it runs, and told how it went before its delivery is settled. */
  async #runJob(
    job: JobRef,
    listener: Listener,
    delivery: Delivery,
    envelope: Envelope,
    context: Context,
  ): Promise<Verdict> {
    const jobs = this.#parts.jobs as BatchJobs;
    try {
      const answer = await jobs.begin(job, (reason) => context.abort(reason));
      if (answer === 'drop') return DROPPED;
      if (answer === 'stranger') return await this.#run(listener, delivery, envelope, context);
      context.batch = jobs.batchOf(job);
      const verdict = await this.#run(listener, delivery, envelope, context);
      return (await jobs.end(job, endOf(verdict))) ? verdict : DROPPED;
    } catch (error) {
      // The process stops before the batch could be asked or told: somebody else is to have it.
      this.#parts.logger.warn({ batch: job.batchId, job: job.jobId, error: errorText(error) }, 'a job is handed back');
      return NOT_STARTED;
    }
  }

  /** Never throws. @param done called at the end: a promise around this one would cost each delivery another */
  async #run(
    listener: Listener,
    delivery: Delivery,
    envelope: Envelope,
    context: Context,
    done?: (context: Context) => void,
  ): Promise<Verdict> {
    let { payload }: { payload: unknown } = envelope;
    const start = performance.now();
    try {
      if (listener.schema) {
        const validated = await validatePayload(listener.schema, payload);
        if ('problem' in validated) return { kind: 'dead', reason: 'schema', error: validated.problem };
        payload = validated.value;
      }
      const running = this.#call(listener, payload, context);
      this.#reportBlocked(listener, performance.now() - start);
      const result = await (listener.timeoutMs === undefined ? running : this.#withTimeout(running, listener, context));
      this.#parts.observe({
        kind: 'succeeded',
        event: envelope.event,
        listener: listener.name,
        ms: performance.now() - start,
      });
      return { kind: 'succeeded', result };
    } catch (thrown) {
      this.#logStack(listener, thrown);
      return this.#failed(listener, delivery, thrown);
    } finally {
      done?.(context);
    }
  }

  /** @param ms until the listener first let go of the event loop */
  #reportBlocked({ name }: Listener, ms: number): void {
    if (ms > this.#parts.blockedAfterMs) this.#parts.observe({ kind: 'blocked', listener: name, ms: Math.round(ms) });
  }

  #call(listener: Listener, payload: unknown, context: Context): unknown {
    const { middleware } = this.#parts;
    if (middleware.length === 0) return listener.handle(payload, context);
    const call = { listener: listener.name, payload, context };
    const step = async (i: number): Promise<unknown> => {
      const layer = middleware[i];
      return layer ? layer(call, () => step(i + 1)) : listener.handle(payload, context);
    };
    return step(0);
  }

  /** A stack is costly: a getter, which nothing reads where `debug` is not logged. */
  #logStack({ name }: Listener, thrown: unknown): void {
    if (isRetryLater(thrown) || isGiveUp(thrown)) return;
    const details = {
      listener: name,
      get stack() {
        return stackText(thrown);
      },
    };
    this.#parts.logger.debug(details, `where ${name} failed`);
  }

  #failed({ retry }: Listener, delivery: Delivery, thrown: unknown): Verdict {
    const error = errorText(thrown);
    if (isGiveUp(thrown)) return { kind: 'dead', reason: 'gave_up', error: keptText(thrown.message) };
    if (isRetryLater(thrown))
      return { kind: 'later', delayMs: laterDelay(thrown, retry.delayMs), error: keptText(thrown.message) };
    // Crashes have a limit of their own: what a dying worker held has not failed.
    const failures = delivery.attempt - delivery.crashes;
    if (failures >= retry.attempts) return { kind: 'dead', reason: 'attempts_exhausted', error };
    return { kind: 'retry', delayMs: retryDelay(retry, failures, this.#parts.random()), error };
  }

  #withTimeout(running: unknown, listener: Listener, context: Context): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancel = this.#parts.clock.after(listener.timeoutMs ?? 0, () => {
        const late = new ThrunError('THRUN_TIMEOUT', [listener.name, listener.timeoutMs]);
        context.abort(late);
        reject(late);
      });
      Promise.resolve(running).then(resolve, reject).finally(cancel);
    });
  }

  #limitOf(listener: Listener): Slots {
    let limit = this.#limits.get(listener);
    if (!limit) this.#limits.set(listener, (limit = new Slots(listener.concurrency ?? Number.POSITIVE_INFINITY)));
    return limit;
  }
}

/** A listener that asks for a time that is none is tried again as if it had failed. */
function laterDelay({ delay }: RetryLater, otherwise: number): number {
  try {
    return parseDuration(delay);
  } catch {
    return otherwise;
  }
}
