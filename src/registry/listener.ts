import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { EventContext, ListenerOptions, RetryOptions } from '../contracts/listener.js';
import { parseDuration } from '../contracts/units.js';

/** A listener or job handler as the worker runs it: every option resolved, every default filled in. */
export interface Listener {
  /** Stable over restarts: a retry on the transport names it. */
  readonly name: string;
  readonly kind: 'event' | 'job';
  /** Contract names and patterns. */
  readonly contracts: readonly string[];
  readonly retry: RetryPolicy;
  readonly timeoutMs: number | undefined;
  readonly queue: string | undefined;
  readonly concurrency: number | undefined;
  readonly schema: StandardSchemaV1 | undefined;
  readonly handle: (payload: unknown, context: EventContext) => unknown;
  /** What it is called in its source, for people. */
  readonly origin: string;
}

export interface RetryPolicy {
  readonly attempts: number;
  readonly backoff: 'exponential' | 'linear' | 'fixed';
  readonly delayMs: number;
  readonly maxDelayMs: number;
  readonly jitter: number;
}

export const DEFAULT_RETRY: RetryPolicy = {
  attempts: 5,
  backoff: 'exponential',
  delayMs: 1000,
  maxDelayMs: 600_000,
  jitter: 0.2,
};

/** A listener's own options over the config's, over the built-in ones. */
export function resolveRetry(options: RetryOptions = {}, defaults: RetryPolicy = DEFAULT_RETRY): RetryPolicy {
  return {
    attempts: options.attempts ?? defaults.attempts,
    backoff: options.backoff ?? defaults.backoff,
    delayMs: options.delay === undefined ? defaults.delayMs : parseDuration(options.delay),
    maxDelayMs: options.maxDelay === undefined ? defaults.maxDelayMs : parseDuration(options.maxDelay),
    jitter: options.jitter ?? defaults.jitter,
  };
}

export function makeListener(
  what: Pick<Listener, 'name' | 'kind' | 'contracts' | 'handle' | 'origin'>,
  options: ListenerOptions,
  defaults: RetryPolicy,
): Listener {
  return {
    ...what,
    retry: resolveRetry(options.retry, defaults),
    timeoutMs: options.timeout === undefined ? undefined : parseDuration(options.timeout),
    queue: options.queue,
    concurrency: options.concurrency,
    schema: options.schema as StandardSchemaV1 | undefined,
  };
}
