const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/**
 * What waits in one partition waits equally long, so the first in it is due first and nobody has to look further. Each rung
 * is the partition of its number.
 */
export const RUNGS: readonly number[] = [
  1 * SECOND,
  4 * SECOND,
  16 * SECOND,
  1 * MINUTE,
  4 * MINUTE,
  16 * MINUTE,
  1 * HOUR,
  4 * HOUR,
  24 * HOUR,
];

/** The longest rung that is not too long; undefined: so little is held by whoever receives it. */
export function rungFor(ms: number): number | undefined {
  const rung = RUNGS.findLastIndex((length) => length <= ms);
  return rung < 0 ? undefined : rung;
}
