import type { BatchJobs, JobEnd, JobRef } from '../contracts/batch.js';
import type { Clock } from '../contracts/clock.js';
import type { Dead, Delivery, Successor } from '../contracts/delivery.js';
import type { Envelope } from '../contracts/envelope.js';
import type { Transport } from '../contracts/transport.js';
import { decode, type Limits, type Origin, Undecodable } from '../envelope/index.js';
import type { Observer } from '../observability/observation.js';
import type { Listener } from '../registry/listener.js';
import type { Registry } from '../registry/registry.js';
import { isLifecycleEvent, jobRefOf } from './job-ref.js';
import type { ListenerRunner } from './run-listener.js';
import { successorOf, type Verdict } from './verdict.js';

export interface ExecuteParts {
  readonly transport: Pick<Transport, 'name' | 'traits'>;
  readonly registry: Registry;
  readonly runner: ListenerRunner;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly observe: Observer;
  /** A delivery whose workers died this often is dead. */
  readonly maxCrashes: number;
  readonly unhandled: 'auto' | 'ack' | 'dead';
  /** The listeners this worker runs; the others' share goes to other workers. */
  readonly runs: (listener: Listener) => boolean;
  /** Where jobs of batches are counted. */
  readonly jobs: BatchJobs | undefined;
  readonly group: string;
}

/** A held delivery is let through when it is due within this, so that clocks a little apart do not send it round again. */
const DUE_SLACK_MS = 50;

/**
 * One delivery from receipt to settlement. Each step either ends it or passes it on. Never throws. Settlements are not
 * waited for: the transport gathers them, and until they are written the lease stands.
 */
export async function execute(delivery: Delivery, parts: ExecuteParts): Promise<void> {
  const envelope = read(delivery, parts);
  if (envelope instanceof Undecodable) return bury(delivery, parts, envelope);

  if (delivery.crashes >= parts.maxCrashes) return fail(delivery, parts, envelope, crashed(delivery, envelope));

  const { deliver_at, expires_at } = envelope.meta;
  if (expires_at !== undefined && isPast(expires_at, parts.clock))
    return fail(delivery, parts, envelope, expired(envelope));
  if (deliver_at !== undefined && !isPast(deliver_at, parts.clock, DUE_SLACK_MS))
    return hold(delivery, deliver_at, parts);

  const listeners = listenersOf(delivery, envelope, parts);
  if (listeners.length === 0) return nobody(delivery, envelope, parts);

  if (listeners.length > 1) {
    const verdicts = await Promise.all(listeners.map(async (one) => verdictOf(one, delivery, envelope, parts)));
    return settle(delivery, envelope, listeners, verdicts, parts);
  }
  // Nearly every event has one listener that succeeds: no lists are made for it.
  const verdict = await verdictOf(listeners[0] as Listener, delivery, envelope, parts);
  if (verdict.kind === 'succeeded') return void delivery.ack();
  return settle(delivery, envelope, listeners, [verdict], parts);
}

function read(delivery: Delivery, parts: ExecuteParts): Envelope | Undecodable {
  return decode(delivery.text ?? delivery.body, new Receipt(delivery, parts), parts.limits, delivery.cloudEvent);
}

/** Worked out only for messages that lack something. */
class Receipt implements Origin {
  constructor(
    private readonly delivery: Delivery,
    private readonly parts: ExecuteParts,
  ) {}

  get transport(): string {
    return this.parts.transport.name;
  }

  get id(): string {
    return this.delivery.id;
  }

  get publishedAt(): number | undefined {
    return this.delivery.publishedAt;
  }

  get receivedAt(): number {
    return this.parts.clock.now();
  }
}

/** A retry is for one listener; a first receipt for all of the event's. */
function listenersOf(delivery: Delivery, envelope: Envelope, { registry }: ExecuteParts): readonly Listener[] {
  if (delivery.target === undefined) return registry.match(envelope.event);
  const listener = registry.named(delivery.target);
  return listener ? [listener] : [];
}

function verdictOf(
  listener: Listener,
  delivery: Delivery,
  envelope: Envelope,
  parts: ExecuteParts,
): Verdict | Promise<Verdict> {
  // A retry has been where it belongs; what is addressed to a listener from the first (a replay) has not.
  const isFirst = delivery.target === undefined || delivery.attempt === 1;
  if (listener.queue !== undefined && listener.queue !== delivery.queue && isFirst) {
    return { kind: 'forward', queue: listener.queue };
  }
  if (!parts.runs(listener)) return { kind: 'elsewhere' };
  return parts.runner.run(listener, delivery, envelope);
}

function settle(
  delivery: Delivery,
  envelope: Envelope,
  listeners: readonly Listener[],
  verdicts: readonly Verdict[],
  { observe }: ExecuteParts,
): void {
  if (verdicts.every(({ kind }) => kind === 'succeeded' || kind === 'dropped')) return void delivery.ack();
  if (verdicts.every(({ kind }) => kind === 'not_started')) {
    observe({ kind: 'handed_back', id: delivery.id });
    return void delivery.release();
  }
  const successors: Successor[] = [];
  for (const [i, listener] of listeners.entries()) {
    const verdict = verdicts[i];
    const successor = verdict && successorOf(verdict, listener.name, delivery, envelope);
    if (!successor) continue;
    successors.push(successor);
    report(verdict, listener, delivery, envelope, observe);
  }
  void delivery.handOver(successors);
}

function report(verdict: Verdict, listener: Listener, delivery: Delivery, envelope: Envelope, observe: Observer): void {
  const { event, meta } = envelope;
  const who = { event, eventId: meta.event_id, listener: listener.name, attempt: delivery.attempt };
  switch (verdict.kind) {
    case 'retry':
      return observe({ kind: 'retried', ...who, delayMs: verdict.delayMs, error: verdict.error });
    case 'later':
      return observe({ kind: 'postponed', ...who, delayMs: verdict.delayMs, error: verdict.error });
    case 'dead':
      return observe({ kind: 'dead', ...who, reason: verdict.reason, error: verdict.error });
    case 'not_started':
    case 'succeeded':
    case 'dropped':
    case 'forward':
    case 'elsewhere':
      return;
  }
}

async function nobody(delivery: Delivery, envelope: Envelope, parts: ExecuteParts): Promise<void> {
  const { event, meta } = envelope;
  if (delivery.target !== undefined) {
    const error = `the listener ${delivery.target} is gone; bring it back under this name and retry, or forget this`;
    return fail(delivery, parts, envelope, { reason: 'no_listener', error, event, eventId: meta.event_id });
  }
  const { unhandled, transport } = parts;
  const lost = unhandled === 'dead' || (unhandled === 'auto' && !transport.traits.fanOut && !isLifecycleEvent(meta));
  if (lost) {
    const error = `nobody listens to ${event}, and this was the only copy; add a listener and retry, or forget this`;
    return fail(delivery, parts, envelope, { reason: 'no_listener', error, event, eventId: meta.event_id });
  }
  const job = jobRefOf(envelope);
  if (job)
    await tell(parts, job, { kind: 'paused', error: `group ${parts.group} received it and has no handler for it` });
  parts.observe({ kind: 'unhandled', event, eventId: meta.event_id });
  void delivery.ack();
}

/** Not due yet, by its own word: the transport holds it, and no try is used up. */
function hold(delivery: Delivery, deliverAt: string, { clock }: ExecuteParts): void {
  const { target, attempt, crashes } = delivery;
  const delayMs = Date.parse(deliverAt) - clock.now();
  void delivery.handOver([{ kind: 'postponed', target, delayMs, attempts: attempt - 1, crashes }]);
}

/** The same for a job of a batch, which counts it first: a death in between is repeated, not forgotten. */
async function fail(delivery: Delivery, parts: ExecuteParts, envelope: Envelope, why: Epitaph): Promise<void> {
  const job = jobRefOf(envelope);
  if (job && !(await tell(parts, job, { kind: 'failed', error: why.error }))) return void delivery.release();
  bury(delivery, parts, why);
}

/** False: this process stops before the batch could be told. */
async function tell({ jobs }: ExecuteParts, job: JobRef, end: JobEnd): Promise<boolean> {
  return (
    (await jobs?.end(job, end).then(
      () => true,
      () => false,
    )) ?? true
  );
}

type Epitaph = Pick<Dead, 'reason' | 'error'> & Partial<Pick<Dead, 'event' | 'eventId'>>;

/** Never again, for everyone it was for. */
function bury(delivery: Delivery, { observe }: ExecuteParts, why: Epitaph): void {
  const { target, attempt } = delivery;
  const { reason, error, event, eventId } = why;
  observe({ kind: 'dead', reason, event, eventId, listener: target, attempt, error });
  void delivery.handOver([{ kind: 'dead', target, reason, error, attempts: attempt, event, eventId }]);
}

function crashed(delivery: Delivery, { event, meta }: Envelope) {
  const error = `its worker died or hung ${delivery.crashes} times while it held this; look into the listener of ${event}`;
  return { reason: 'crashed_worker', error, event, eventId: meta.event_id } as const;
}

function expired({ event, meta }: Envelope) {
  return {
    reason: 'expired',
    error: `its expires_at ${meta.expires_at} has passed`,
    event,
    eventId: meta.event_id,
  } as const;
}

function isPast(time: string, clock: Clock, slackMs = 0): boolean {
  return Date.parse(time) <= clock.now() + slackMs;
}
