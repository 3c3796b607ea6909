import type { DeathReason } from '../contracts/dead-letter.js';
import type { TransportNotice } from '../contracts/transport.js';

/** Everything worth telling about the life of deliveries. One union: a listener to it that misses a case won't compile. */
export type Observation =
  | { readonly kind: 'received'; readonly queue: string; readonly count: number }
  | { readonly kind: 'succeeded'; readonly event: string; readonly listener: string; readonly ms: number }
  | ({ readonly kind: 'retried'; readonly delayMs: number } & Failure)
  | ({ readonly kind: 'postponed'; readonly delayMs: number } & Failure)
  | ({ readonly kind: 'dead'; readonly reason: DeathReason } & Failure)
  /** Nobody listens to it, and other groups have a copy of their own. */
  | { readonly kind: 'unhandled'; readonly event: string; readonly eventId: string }
  /** Given back untouched at the end of a drain. */
  | { readonly kind: 'handed_back'; readonly id: string }
  /** A listener did not let go of the event loop. */
  | { readonly kind: 'blocked'; readonly listener: string; readonly ms: number }
  | { readonly kind: 'transport'; readonly transport: string; readonly notice: TransportNotice };

interface Failure {
  readonly event: string | undefined;
  readonly eventId: string | undefined;
  readonly listener: string | undefined;
  readonly attempt: number;
  readonly error: string;
}

export type Observer = (observation: Observation) => void;
