const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * The lengths there are waiting queues for, longest first. A longer or uneven delay takes several in turn: whoever receives
 * a message that is not due sends it to wait again.
 */
export const RUNGS = [
  24 * HOUR,
  3 * HOUR,
  30 * MINUTE,
  5 * MINUTE,
  MINUTE,
  15 * SECOND,
  4 * SECOND,
  SECOND,
  250,
] as const;

/** From the end of a wait to its consumer: what comes out of a queue still has a little time left to be punctual. */
const MARGIN_MS = 100;

/** The longest wait that is not too long; undefined: what remains is so short that a consumer holds it unacknowledged. */
export function rungFor(ms: number): number | undefined {
  return RUNGS.find((rung) => rung + MARGIN_MS <= ms);
}
