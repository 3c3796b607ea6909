import type { CommittedOffset, Place } from './kafka-client.js';
import type { Ledger } from './kafka-ledger.js';
import { BEGUN, DONE, HELD, readRuns } from './kafka-ledger-text.js';

/** From the first offset that is there to the one after the last. */
export interface Extent {
  readonly start: number;
  readonly end: number;
}

/** What one group has in one partition. */
export interface PlaceCount {
  readonly place: Place;
  /** The first that is ready, as far as is known. */
  readonly first: number;
  readonly depth: number;
  readonly inFlight: number;
}

/** From its ledger where it is here, else from what was committed. */
export function countOf(
  place: Place,
  { start, end }: Extent,
  committed: CommittedOffset | undefined,
  ledger: Ledger | undefined,
): PlaceCount {
  if (ledger) {
    const unread = Math.max(0, end - ledger.position);
    return { place, first: ledger.firstWaiting, depth: unread + ledger.waiting, inFlight: ledger.given };
  }
  let at = committed?.offset ?? start;
  let first: number | undefined;
  let inFlight = 0;
  let done = 0;
  for (const { length, status } of readRuns(committed?.metadata ?? '')) {
    // What was deleted is nobody's any more, and some is held before it is there.
    const lasting = Math.max(0, Math.min(at + length, end) - Math.max(at, start));
    if (status === HELD || status === BEGUN) inFlight += lasting;
    else if (status === DONE) done += lasting;
    else first ??= at;
    at += length;
  }
  const from = Math.max(start, committed?.offset ?? start);
  return { place, first: Math.max(start, first ?? at), depth: Math.max(0, end - from - inFlight - done), inFlight };
}
