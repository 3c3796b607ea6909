import type { Clock } from '../../contracts/clock.js';
import type { Statements } from './sqlite-statements.js';

/** One consumer's place in a group: what its statements need to know. */
export interface Seat {
  readonly statements: Statements;
  readonly clock: Clock;
  /** The queue's number. */
  readonly queue: number;
  readonly group: string;
  /** This consumer, and no other of any process. */
  readonly owner: string;
  readonly visibilityMs: number;
}

export interface NewParcel {
  readonly message: number;
  readonly body: Uint8Array;
  readonly publishedAt: number;
  readonly attempts: number;
  readonly crashes: number;
  readonly due: number;
  readonly target?: string | undefined;
  /** Default: the seat's own. */
  readonly queue?: number;
  /** Held by this consumer until then; default: free. */
  readonly heldUntil?: number;
}

/** A delivery that is followed by a row of its own from now on. In a transaction. @returns the row's id */
export function addParcel({ statements, queue, group, owner }: Seat, parcel: NewParcel): number {
  const { message, target = null, body, publishedAt, attempts, crashes, due, heldUntil } = parcel;
  const holder = heldUntil === undefined ? null : owner;
  const { lastInsertRowid } = statements.addParcel.run(
    message,
    parcel.queue ?? queue,
    group,
    target,
    body,
    publishedAt,
    attempts,
    crashes,
    Math.ceil(due),
    holder,
    heldUntil ?? null,
  );
  return Number(lastInsertRowid);
}
