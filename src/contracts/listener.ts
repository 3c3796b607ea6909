import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { JobBatch } from './batch.js';
import type { JsonValue, Meta, WireFormat } from './envelope.js';
import type { Duration } from './units.js';

/**
 * The payload types of your contracts, by name. Extend it once and every `event()` and listener is checked:
 * ```ts
 * declare module 'thrun' { interface ThrunPayloads { order_created: { order_id: number } } }
 * ```
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be extended
export interface ThrunPayloads {}

/** The payload of a contract name; `any` for names nobody declared, so that a listener may state its own. */
// biome-ignore lint/suspicious/noExplicitAny: a foreign contract's payload is whatever its listener says it is
export type PayloadOf<Name extends string> = Name extends keyof ThrunPayloads ? ThrunPayloads[Name] : any;

// biome-ignore lint/suspicious/noExplicitAny: a constructor of anything
export type Class<Instance = any> = new (...args: any[]) => Instance;

/** How often and how far apart a listener is tried. */
export interface RetryOptions {
  /** Tries in all, the first one included. Default 5; 1 means no retry. */
  readonly attempts?: number;
  /** How the pause grows: `exponential` (default) doubles, `linear` adds, `fixed` stays. */
  readonly backoff?: 'exponential' | 'linear' | 'fixed';
  /** The first pause. Default `1s`. */
  readonly delay?: Duration;
  /** No pause is longer. Default `10m`. */
  readonly maxDelay?: Duration;
  /** Share of the pause that is random, 0 to 1, so that failed listeners do not come back all at once. Default 0.2. */
  readonly jitter?: number;
}

export interface ListenerOptions<Payload = unknown> {
  /** Its stable name: a retry finds its listener by it, over restarts and deploys. Default: the class's name. */
  readonly name?: string;
  readonly retry?: RetryOptions;
  /** Longest run of one attempt; then its AbortSignal is raised and the attempt has failed. Default: none. */
  readonly timeout?: Duration;
  /** The queue it runs from. What reaches it on another queue is handed over there, for it alone. */
  readonly queue?: string;
  /** At most this many at once in one process. Default: the worker's concurrency. */
  readonly concurrency?: number;
  /** Any Standard Schema (zod, valibot, arktype). A payload that fails it is a dead letter `schema`, never a retry. */
  readonly schema?: StandardSchemaV1<unknown, Payload>;
}

export interface EventOptions<Payload = unknown> {
  readonly schema?: StandardSchemaV1<unknown, Payload>;
}

/** What a listener may log to; pino's shape. */
export interface Logger {
  debug(fields: object, message?: string): void;
  info(fields: object, message?: string): void;
  warn(fields: object, message?: string): void;
  error(fields: object, message?: string): void;
}

/** What a publisher may say about one event. */
export interface PublishOptions {
  /** The event id; default a new UUIDv7. Give your own to make a repeated publish recognisable. */
  readonly id?: string;
  /** Ordering key. */
  readonly key?: string;
  /** Hold it back for this long … */
  readonly delay?: Duration;
  /** … or until then: RFC 3339 with a zone, as text. Held by the transport, not by this process. */
  readonly at?: Date | string;
  /** Dead letter `expired` when it has not been handled by then. */
  readonly expiresAt?: Date | string;
  readonly queue?: string;
  readonly transport?: string;
  /** How it is written. Default: as its route says, else `envelope`. */
  readonly format?: WireFormat;
  readonly source?: string;
  /** More meta of your own. */
  readonly meta?: Readonly<Record<string, JsonValue>>;
}

/** What a listener is told beside the payload. */
export interface EventContext {
  /** The contract name. */
  readonly event: string;
  readonly meta: Meta;
  /** 1 on the first try. */
  readonly attempt: number;
  /** Raised at the timeout, at the end of a drain, and when the delivery was lost to another worker. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /** The exact bytes of the envelope. */
  readonly body: Uint8Array;
  /** The batch this is a job of. */
  readonly batch: JobBatch | undefined;
  /** Publishes an event that carries correlation, causation and trace on. Resolves to its id. */
  publish(event: string | object, payload?: unknown, options?: PublishOptions): Promise<string>;
}

export type JobContext = EventContext;

/** A class that listens. */
export interface EventListener<Payload = unknown> {
  handle(payload: Payload, context: EventContext): unknown;
}

/** A class that is a job: made from its payload, run once. */
export interface Job<Payload = unknown> {
  readonly payload: Payload;
  handle(context: JobContext): unknown;
}

/** Around every listener: call `next` to go on; throw or return to end the attempt. Its return is the listener's. */
export type Middleware = (call: ListenerCall, next: () => Promise<unknown>) => unknown;

export interface ListenerCall {
  readonly listener: string;
  readonly payload: unknown;
  readonly context: EventContext;
}

/** From class to instance. For a job the second argument is its payload. Default: `new`. */
export type Container = (type: Class, payload?: unknown) => unknown;

/**
 * By this the worker knows what a listener threw, and not by its class: with a global CLI there are two copies of this
 * package, and each has classes of its own.
 */
const WISH = Symbol.for('thrun.wish.1');

/** Thrown by a listener: not now; try again after `delay`. Does not use up an attempt. */
export class RetryLater extends Error {
  override readonly name = 'RetryLater';
  readonly delay: Duration;
  constructor(delay: Duration, message = 'the listener asked to be tried later', options?: ErrorOptions) {
    super(message, options);
    this.delay = delay;
  }
  get [WISH](): 'later' {
    return 'later';
  }
}

/** Thrown by a listener: trying again is no use. A dead letter `gave_up` at once. */
export class GiveUp extends Error {
  override readonly name = 'GiveUp';
  get [WISH](): 'give up' {
    return 'give up';
  }
}

export function isRetryLater(thrown: unknown): thrown is RetryLater {
  return wishOf(thrown) === 'later';
}

export function isGiveUp(thrown: unknown): thrown is GiveUp {
  return wishOf(thrown) === 'give up';
}

function wishOf(thrown: unknown): unknown {
  return (thrown as { [WISH]?: unknown } | null | undefined)?.[WISH];
}
