/** Ids of entries: `<ms>-<number>`, both of 64 bits. The time alone stands for the first of it, or the last. */
type Id = readonly [ms: bigint, number: bigint];

const LARGEST = 2n ** 64n - 1n;

/** As XRANGE takes it; undefined: it is none. @param point a time, or an id */
export function idOf(point: number | string): string | undefined {
  const id = typeof point === 'number' ? String(Math.max(Math.floor(point), 0)) : point;
  return /^\d{1,19}(-\d{1,19})?$/.test(id) ? id : undefined;
}

/** With the highest number, where there is only a time. */
export function lastOf(id: string): string {
  return id.includes('-') ? id : `${id}-${LARGEST}`;
}

export function isBefore(one: string, other: string): boolean {
  const [a, b] = [parsed(one), parsed(other)];
  return a[0] < b[0] || (a[0] === b[0] && a[1] < b[1]);
}

/** When the entry was added, ms since the epoch, if its id was Redis's own. */
export function timeOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')));
}

function parsed(id: string): Id {
  const [ms = '0', number = '0'] = id.split('-');
  return [BigInt(ms), BigInt(number)];
}
