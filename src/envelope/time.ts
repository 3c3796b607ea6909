/**
 * Times on the wire. thrun writes RFC 3339 in UTC with milliseconds; it reads any RFC 3339 time, and numbers, since
 * that is what many languages have at hand. What comes out of here never makes `Date` fail.
 */

/** 0000-01-01T00:00:00.000Z: the first time RFC 3339 can write. */
const FIRST_MS = -62_167_219_200_000;
/** 9999-12-31T23:59:59.999Z: the last time RFC 3339 can write. */
const LAST_MS = 253_402_300_799_999;
/** A number below this is seconds: as milliseconds it would be before March 1973. */
const SECONDS_BELOW = 1e11;

const CLOCK = '(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,9})?Z';
/** UTC as it stands. Days that every month has need no calendar. */
const SURE_UTC = new RegExp(`^\\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\\d|2[0-8])T${CLOCK}$`);
const LATE_UTC = new RegExp(`^\\d{4}-(?:0[1-9]|1[0-2])-(?:29|3[01])T${CLOCK}$`);
/** All else that RFC 3339 allows: an offset, lower case, a space for the T, a leap second. */
const ANY =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))[Tt ]((?:[01]\d|2[0-3]):[0-5]\d):([0-5]\d|60)(\.\d{1,30})?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Is it RFC 3339 in UTC already? */
export function isUtcTime(value: unknown): value is string {
  return typeof value === 'string' && (SURE_UTC.test(value) || (LATE_UTC.test(value) && isRealDate(value)));
}

/** RFC 3339 in UTC for an RFC 3339 text or a number of milliseconds or seconds; undefined for anything else. */
export function readTime(value: unknown): string | undefined {
  if (typeof value === 'number') return value > 0 ? timeText(value < SECONDS_BELOW ? value * 1000 : value) : undefined;
  if (typeof value !== 'string') return undefined;
  return isUtcTime(value) ? value : toUtc(value);
}

let lastMs = Number.NaN;
let lastText = '';

/** RFC 3339, UTC, milliseconds; undefined when the number is no time. A burst asks for the same one again and again. */
export function timeText(ms: number): string | undefined {
  if (ms === lastMs) return lastText;
  if (!(ms >= 0 && ms <= LAST_MS)) return undefined;
  lastText = new Date(ms).toISOString();
  lastMs = ms;
  return lastText;
}

/** The present as it is written on the wire. */
export function nowText(): string {
  return timeText(Date.now()) ?? new Date(0).toISOString();
}

function toUtc(text: string): string | undefined {
  const parts = ANY.exec(text);
  if (parts === null) return undefined;
  const [, date = '', minutes, seconds, fraction = '', offset = ''] = parts;
  if (!isRealDate(date)) return undefined;
  // Dates know no leap seconds: the one before stands in.
  const ms = Date.parse(`${date}T${minutes}:${seconds === '60' ? '59' : seconds}${fraction}${offset.toUpperCase()}`);
  // Written times may lie before 1970; numbers that do are mistakes.
  return ms >= FIRST_MS && ms <= LAST_MS ? new Date(ms).toISOString() : undefined;
}

/** Date would make the 3rd of March out of the 31st of February. */
function isRealDate(text: string): boolean {
  const day = text.slice(0, 10);
  return new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
}
