import type { DeathReason } from '../contracts/dead-letter.js';
import type { Delivery, Successor } from '../contracts/delivery.js';
import type { Envelope } from '../contracts/envelope.js';

/** How one listener's share of a delivery ended. */
export type Verdict =
  | { readonly kind: 'succeeded'; readonly result: unknown }
  /** It failed and its policy has tries left. */
  | { readonly kind: 'retry'; readonly delayMs: number; readonly error: string }
  /** It asked for another time; no try is used up. */
  | { readonly kind: 'later'; readonly delayMs: number; readonly error: string }
  | { readonly kind: 'dead'; readonly reason: DeathReason; readonly error: string }
  /** It runs from another queue. */
  | { readonly kind: 'forward'; readonly queue: string }
  /** The batch it is a job of does not want it any more. */
  | { readonly kind: 'dropped' }
  /** This worker does not run it (`--only`); another one does. */
  | { readonly kind: 'elsewhere' }
  /** The worker was stopped before it began, or was told to end before it was done. */
  | { readonly kind: 'not_started' };

/** Somebody else is to have it; long enough that a worker that runs only some listeners does not spin on the others. */
const ELSEWHERE_MS = 1000;

/** What follows for the transport from one listener's verdict; nothing when it is simply done. */
export function successorOf(
  verdict: Verdict,
  listener: string,
  delivery: Delivery,
  envelope: Envelope,
): Successor | undefined {
  const again = { kind: 'postponed', target: listener, crashes: delivery.crashes } as const;
  switch (verdict.kind) {
    case 'succeeded':
    case 'dropped':
      return undefined;
    case 'retry':
      return { ...again, delayMs: verdict.delayMs, attempts: delivery.attempt };
    case 'later':
      return { ...again, delayMs: verdict.delayMs, attempts: delivery.attempt - 1 };
    case 'elsewhere':
      return { ...again, delayMs: ELSEWHERE_MS, attempts: delivery.attempt - 1 };
    case 'not_started':
      return { ...again, delayMs: 0, attempts: delivery.attempt - 1 };
    case 'forward':
      return { kind: 'postponed', target: listener, queue: verdict.queue, delayMs: 0, attempts: 0, crashes: 0 };
    case 'dead':
      return {
        kind: 'dead',
        target: listener,
        reason: verdict.reason,
        error: verdict.error,
        attempts: delivery.attempt,
        event: envelope.event,
        eventId: envelope.meta.event_id,
      };
  }
}
