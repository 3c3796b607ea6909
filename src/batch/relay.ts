import { performance } from 'node:perf_hooks';
import type { Clock } from '../contracts/clock.js';
import type { Applied, BatchStore, JobRecord, OutboxEntry, Outgoing } from '../contracts/batch-store.js';
import { ThrunError } from '../contracts/errors.js';
import type { Logger } from '../contracts/listener.js';
import type { EventInput, SendCall } from '../dispatch/dispatcher.js';
import { RawJson } from '../envelope/index.js';
import { jobInput, previousResult } from './job-message.js';
import type { StepQueue } from './step-queue.js';
import { RELAY_LEASE_MS, type Steps } from './steps.js';

export interface RelayParts {
  readonly store: BatchStore;
  readonly queue: StepQueue;
  readonly steps: Steps;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly publish: (inputs: readonly EventInput[], send: SendCall) => Promise<unknown>;
}

/** Messages that are published in one go. */
const LOT = 500;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;
const LATELY_MS = 500;

/** Sends what batches have written to their outboxes, in order, one relay for each batch at a time. */
export class Relay {
  readonly #parts: RelayParts;
  readonly #running = new Set<Promise<void>>();
  #sentAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(parts: RelayParts) {
    this.#parts = parts;
  }

  /** Now, or so lately that workers may not have received it yet. */
  get isSending(): boolean {
    return this.#running.size > 0 || performance.now() - this.#sentAt < LATELY_MS;
  }

  /** Goes on with the outbox that a step took the lease of. Never rejects: what it could not send, the sweeper finds. */
  deliver(
    { batch, outbox }: Pick<Applied, 'outbox'> & { readonly batch: { readonly id: string } },
    held: number,
  ): Promise<void> {
    if (outbox.length === 0) return Promise.resolve();
    const running: Promise<void> = this.#deliver(batch.id, outbox, held)
      .catch((error: unknown) => {
        this.#parts.logger.warn({ batch: batch.id, error: String(error) }, 'the outbox of a batch waits to be sent');
      })
      .finally(() => {
        this.#running.delete(running);
        this.#sentAt = performance.now();
      });
    this.#running.add(running);
    return running;
  }

  /** Whatever the outbox of this batch holds, if nobody else is at it. */
  async deliverAll(batchId: string): Promise<void> {
    const { store, clock } = this.#parts;
    const held = clock.now() + RELAY_LEASE_MS;
    const outbox = await store.takeOutbox(batchId, held, clock.now());
    await this.deliver({ batch: { id: batchId }, outbox }, held);
  }

  /** Resolves when what is being sent is sent, or was given up. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** What cannot be sent now is left to others. */
  close(): Promise<void> {
    this.#closed = true;
    return this.idle();
  }

  async #deliver(batchId: string, outbox: readonly OutboxEntry[], until: number): Promise<void> {
    let held = until;
    for (let entries = outbox; entries.length > 0; ) {
      const last = entries[entries.length - 1] as OutboxEntry;
      await this.#insist(() => this.#send(batchId, entries)).catch(async (error: unknown) => {
        // Given back, so that the next one need not wait until it runs out.
        await this.#parts.store.sent(batchId, 0, held, 0);
        throw error;
      });
      const extended = this.#parts.clock.now() + RELAY_LEASE_MS;
      entries = await this.#parts.store.sent(batchId, last.seq, held, extended);
      held = extended;
    }
  }

  /** A transport that is away comes back; meanwhile nobody else could send either. */
  async #insist(send: () => Promise<void>, isFinal = (_error: unknown) => false): Promise<void> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        return await send();
      } catch (error) {
        if (this.#closed || isFinal(error)) throw error;
        this.#parts.logger.warn({ error: String(error) }, 'a batch could not send; trying again');
        await new Promise<void>((resolve) => this.#parts.clock.after(pause, resolve));
      }
    }
  }

  async #send(batchId: string, entries: readonly OutboxEntry[]): Promise<void> {
    let lot: EventInput[] = [];
    for (const { out, stage } of entries) {
      switch (out.kind) {
        case 'event':
          lot.push(lifecycleInput(batchId, out));
          break;
        case 'jobs':
          lot = await this.#sendJobs(batchId, out, stage, lot);
          break;
        case 'end_children':
          await this.#endChildren(batchId);
          break;
        case 'parent':
          await this.#tellParent(batchId, out);
          break;
      }
    }
    await this.#publish(batchId, lot);
  }

  async #sendJobs(
    batchId: string,
    { from, to, stage, run }: Extract<Outgoing, { kind: 'jobs' }>,
    atHand: OutboxEntry['stage'],
    before: EventInput[],
  ): Promise<EventInput[]> {
    const { store } = this.#parts;
    const lotFrom = (index: number) => store.jobs(batchId, index, Math.min(LOT, to - index + 1));
    const [results, first] = atHand
      ? [atHand.results, atHand.jobs]
      : await Promise.all([stage === 0 ? [] : store.results(batchId, stage - 1), lotFrom(from)]);
    const previous = stage === 0 ? undefined : previousResult(results);
    let lot = before;
    for (let jobs = first; jobs.length > 0; ) {
      for (const job of jobs) {
        const { child, state } = job;
        if (child === undefined && state === 'queued') lot.push(jobInput(batchId, run, job, previous));
        // One that runs may be a relay's that died before it had started it.
        if (child !== undefined && (state === 'queued' || state === 'running')) {
          await this.#startChild(batchId, run, child, job);
        }
      }
      if (lot.length >= LOT) {
        await this.#publish(batchId, lot);
        lot = [];
      }
      const next = (jobs.at(-1)?.index ?? to) + 1;
      jobs = next > to ? [] : await lotFrom(next);
    }
    return lot;
  }

  /** What can never be sent (too large with what the job before it returned) fails its job, and the others go on. */
  async #publish(batchId: string, lot: readonly EventInput[]): Promise<void> {
    if (lot.length === 0) return;
    try {
      // Each call on its own: what one transport has taken is not sent again because another one is away.
      await this.#parts.publish(lot, (call) => this.#insist(call, isUsage));
    } catch (error) {
      if (!isUsage(error)) throw error;
      if (lot.length > 1) {
        for (const input of lot) await this.#publish(batchId, [input]);
        return;
      }
      const jobId = lot[0]?.meta?.['job_id'];
      if (typeof jobId !== 'string') throw error;
      const { queue, steps } = this.#parts;
      // The lease is held already: what follows from it comes with the next look at the outbox.
      await queue.apply({
        ...steps.settle(batchId, jobId, { kind: 'failed', error: error.message }),
        relayUntil: undefined,
      });
    }
  }

  async #startChild(batchId: string, run: number, child: string, { id, event, state }: JobRecord): Promise<void> {
    const { queue, steps } = this.#parts;
    if (state === 'queued') await queue.apply({ ...steps.begin(batchId, id, event), relayUntil: undefined });
    await this.#step(steps.start(child, run));
  }

  async #endChildren(batchId: string): Promise<void> {
    const { store, steps } = this.#parts;
    const batch = await store.get(batchId);
    for (let index = 0; ; ) {
      const jobs = await store.jobs(batchId, index, LOT);
      const last = jobs.at(-1);
      if (!last) return;
      for (const { child, state } of jobs) {
        const over =
          state === 'skipped' || state === 'cancelled' || (state === 'running' && batch?.status === 'cancelled');
        if (child !== undefined && over) await this.#step(steps.cancel(child));
      }
      index = last.index + 1;
    }
  }

  async #tellParent(batchId: string, { status, error }: Extract<Outgoing, { kind: 'parent' }>): Promise<void> {
    const { store, steps } = this.#parts;
    const parent = (await store.get(batchId))?.parent;
    if (!parent) return;
    const why = status === 'cancelled' ? 'the nested batch was cancelled' : `the nested batch failed: ${error}`;
    const outcome =
      status === 'succeeded' ? { kind: status, result: undefined } : ({ kind: 'failed', error: why } as const);
    await this.#step(steps.settle(parent.batchId, parent.jobId, outcome));
  }

  /** On another batch: what follows there is sent there, and not waited for here. */
  async #step(step: Parameters<StepQueue['apply']>[0]): Promise<void> {
    const applied = await this.#parts.queue.apply(step);
    if (applied) void this.deliver(applied, step.relayUntil ?? 0);
  }
}

/** It will never be taken, however often it is sent. */
function isUsage(error: unknown): error is ThrunError {
  return error instanceof ThrunError && error.usage;
}

function lifecycleInput(batchId: string, out: Extract<Outgoing, { kind: 'event' }>): EventInput {
  return {
    event: out.event,
    payload: new RawJson(out.payload),
    id: out.eventId,
    meta: { batch_id: batchId, correlation_id: batchId, thrun: { lifecycle: out.lifecycle } },
  };
}
