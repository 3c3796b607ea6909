/** Why a delivery will not be tried again. */
export type DeathReason =
  // It cannot be read as an envelope.
  | 'empty_body'
  | 'invalid_utf8'
  | 'invalid_json'
  | 'not_an_object'
  | 'missing_event'
  | 'invalid_event'
  | 'invalid_meta'
  | 'meta_too_large'
  | 'payload_too_large'
  | 'too_deep'
  | 'unsupported_cloudevent'
  // It can be read, but not handled.
  | 'no_listener'
  | 'schema'
  | 'expired'
  | 'gave_up'
  | 'attempts_exhausted'
  | 'crashed_worker';

/** A dead delivery as it is kept. */
export interface DeadLetter {
  /** Names the dead letter on its transport. */
  readonly id: string;
  readonly queue: string;
  readonly group: string;
  /** The one listener that gave up on it; undefined: nobody in particular. */
  readonly target: string | undefined;
  readonly reason: DeathReason;
  readonly error: string;
  readonly attempts: number;
  readonly event: string | undefined;
  readonly eventId: string | undefined;
  /** Both ms since the epoch. */
  readonly publishedAt: number | undefined;
  readonly diedAt: number;
  /** The exact bytes that were received. */
  readonly body: Uint8Array;
}

export interface DeadLetterFilter {
  readonly event?: string;
  readonly queue?: string;
  readonly group?: string;
  /** Died at or after, ms since the epoch. */
  readonly since?: number;
}

/** Ability: a transport that lets its dead letters be read and decided on. */
export interface DeadLetterAccess {
  /** Oldest death first. */
  list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]>;
  count(filter: DeadLetterFilter): Promise<number>;
  get(id: string): Promise<DeadLetter | undefined>;
  /** Back to the listener that gave up, attempts and crashes at zero. Resolves to how many there were. */
  retry(ids: readonly string[]): Promise<number>;
  /** Deletes them. Resolves to how many there were. */
  forget(ids: readonly string[]): Promise<number>;
}
