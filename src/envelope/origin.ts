import { derivedEventId } from './ids.js';
import { nowText, timeText } from './time.js';

/** Where a message came from: what its missing meta is filled in from. */
export interface Origin {
  readonly transport: string;
  /** Names the message, not the receipt: the same over every redelivery, unique within the transport. */
  readonly id: string;
  /** The broker's time, ms since the epoch, where it has one. */
  readonly publishedAt: number | undefined;
  /** ms since the epoch. */
  readonly receivedAt: number;
}

/** The same for every redelivery of the message. */
export function filledEventId(origin: Origin): string {
  return derivedEventId(`${origin.transport}:${origin.id}`);
}

/** The broker's time where it has one, else the time of this receipt. */
export function filledTimestamp(origin: Origin): string {
  return (
    (origin.publishedAt === undefined ? undefined : timeText(origin.publishedAt)) ??
    timeText(origin.receivedAt) ??
    nowText()
  );
}
