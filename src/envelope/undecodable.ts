import type { DeathReason } from '../contracts/index.js';

/** A message that is not an envelope. An answer and not an error: foreign bytes are no exception to the normal run. */
export class Undecodable {
  readonly reason: DeathReason;
  /** For a person: what is wrong, where, and what to do. Holds no control characters and no more than an excerpt. */
  readonly error: string;
  /** What could be read all the same, for finding the dead letter again. */
  readonly event: string | undefined;
  readonly eventId: string | undefined;

  constructor(reason: DeathReason, error: string, event?: string, eventId?: string) {
    this.reason = reason;
    this.error = error;
    this.event = event;
    this.eventId = eventId;
  }
}
