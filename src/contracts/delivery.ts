import type { DeathReason } from './dead-letter.js';

/** From so many crashes on a message is a suspect: it is run alone, and a crash counts only once it has begun. */
export const SUSPECT_CRASHES = 2;

/**
 * One receipt of one message. It carries its own settlement: exactly one of `ack`, `release`
 * and `handOver` is to be called, once.
 *
 * The transport gathers settlements; the returned promise resolves when this one is on the
 * transport. It also resolves when the lease had been lost to another consumer meanwhile: that is
 * reported through {@link ConsumeOptions.onNotice} and means the message is handled again, never that it is
 * lost.
 */
export interface Delivery {
  /** Names the message, not the receipt: the same over every redelivery, unique within the transport. */
  readonly id: string;
  /** The queue it was received from. */
  readonly queue: string;
  /** The exact bytes that were published. Never changed, never re-encoded. */
  readonly body: Uint8Array;
  /** The body as text, where the transport knows that it is nothing but ASCII. */
  readonly text?: string | undefined;
  /** When the transport accepted the message, ms since the epoch by the transport's clock. */
  readonly publishedAt: number | undefined;
  /** Counted when the message is claimed, this receipt included: 1 the first time. Released receipts do not count. */
  readonly attempt: number;
  /** How many of those receipts ended without being settled: their worker died, hung or lost its lease. */
  readonly crashes: number;
  /**
   * A CloudEvent in binary mode: its attributes by their names in the specification, `datacontenttype` included. The body
   * is its data. Absent or undefined: the body is all there is.
   */
  readonly cloudEvent?: Readonly<Record<string, string>> | undefined;
  /** The one listener this receipt is meant for; undefined: every listener of the event. */
  readonly target: string | undefined;
  /**
   * Says that a suspect is about to run, one whose `crashes` are at least {@link SUSPECT_CRASHES}: only from then on does
   * another crash of its worker count against it. What merely waits beside a poisonous message is not counted down with it.
   * Resolves once that is on the transport.
   */
  begin(): Promise<void>;
  /** Done with it. */
  ack(): Promise<void>;
  /** Hand it back untouched, at once: the receipt does not count as an attempt. */
  release(): Promise<void>;
  /**
   * Replaces the message by its successors in one durable step: they are safe on the transport
   * before this receipt is gone. Every successor has the same body, id and `publishedAt`.
   */
  handOver(successors: readonly Successor[]): Promise<void>;
}

/** What becomes of a delivery that is not simply done. */
export type Successor = Postponed | Dead;

/** Deliver it again later: a retry, or the share of a listener that runs from another queue. */
export interface Postponed {
  readonly kind: 'postponed';
  /** The one listener it is for; undefined: every listener. */
  readonly target: string | undefined;
  /** Where it is to be received; undefined: the queue it came from. */
  readonly queue?: string;
  /** Not before this many ms from now. */
  readonly delayMs: number;
  /** Attempts used up so far. The next receipt is this plus one. */
  readonly attempts: number;
  /** Crashes so far, carried on. */
  readonly crashes: number;
}

/** Never deliver it again; keep it with its reason. */
export interface Dead {
  readonly kind: 'dead';
  readonly target: string | undefined;
  readonly reason: DeathReason;
  /** For a person: what went wrong and what to do about it. */
  readonly error: string;
  readonly attempts: number;
  /** What could be read of the envelope, for finding it again. */
  readonly event: string | undefined;
  readonly eventId: string | undefined;
}
