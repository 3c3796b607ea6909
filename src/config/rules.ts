import * as v from 'valibot';
import { formatDuration, parseDuration, parseSize } from '../contracts/units.js';
import { nearestName } from './nearest-name.js';
import { maskSecrets } from '../contracts/secrets.js';

/**
 * The building blocks of every schema: each says in one sentence what it expects, and what it got instead. They only
 * check; turning durations into milliseconds and filling in defaults comes after, in one place.
 */
export function rule(accepts: (value: unknown) => boolean, expected: string | ((value: unknown) => string)) {
  return v.custom<unknown>(accepts, ({ input }) => {
    return `expected ${typeof expected === 'string' ? expected : expected(input)}, got ${show(input)}`;
  });
}

export function whole(min: number, max: number) {
  return rule(
    (value) => Number.isInteger(value) && (value as number) >= min && (value as number) <= max,
    `a whole number from ${min} to ${max}`,
  );
}

export function share() {
  return rule((value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1');
}

export function duration(minMs = 0, maxMs = Number.POSITIVE_INFINITY) {
  const range =
    maxMs === Number.POSITIVE_INFINITY
      ? minMs > 0
        ? ` of at least ${formatDuration(minMs)}`
        : ''
      : ` from ${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return rule((value) => {
    const ms = parsed(parseDuration, value);
    return ms !== undefined && ms >= minMs && ms <= maxMs;
  }, `a duration${range} (milliseconds, or text such as "10s", "5m")`);
}

export function size(minBytes: number, maxBytes = Number.POSITIVE_INFINITY) {
  const least = minBytes > 1 ? ` of at least ${formatSize(minBytes)}` : '';
  const most = maxBytes === Number.POSITIVE_INFINITY ? '' : ` and at most ${formatSize(maxBytes)}`;
  return rule((value) => {
    const bytes = parsed(parseSize, value);
    return bytes !== undefined && bytes >= minBytes && bytes <= maxBytes;
  }, `a size${least}${most} (bytes, or text such as "512K", "1M")`);
}

/** One of these names, or what `also` describes and `accepts` lets through. */
export function oneOf(names: readonly string[], also?: string, accepts: (value: unknown) => boolean = () => false) {
  const expected = orList([...names.map((one) => JSON.stringify(one)), ...(also === undefined ? [] : [also])]);
  return v.custom<unknown>(
    (value) => names.includes(value as string) || accepts(value),
    ({ input }) => `expected ${expected}, got ${show(input)}${didYouMean(input, names)}`,
  );
}

export function text() {
  return rule((value) => typeof value === 'string' && value !== '' && !/\p{Cc}/u.test(value), 'text');
}

/** What every name on a transport keeps to, so that it is one on all of them. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && isPatternOrName(value) && !value.includes('*');
}

export function isPatternOrName(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && Buffer.byteLength(value) <= 255 && !/[\s\p{Cc}]/u.test(value);
}

export function name() {
  return rule(isName, 'a name of 1 to 255 bytes without white space, control characters or "*"');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function fn(what: string) {
  return rule((value) => typeof value === 'function', what);
}

/**
 * An object with these keys and no others; every unknown one is named. `elsewhere` tells where a key lives that people
 * look for here.
 */
export function section<Entries extends v.ObjectEntries>(
  entries: Entries,
  elsewhere: Readonly<Record<string, string>> = {},
) {
  const known = Object.keys(entries);
  const schema = v.pipe(
    rule(isObject, 'an object'),
    v.looseObject(entries),
    v.rawCheck(({ dataset, addIssue }) => {
      const input: unknown = dataset.value;
      if (!isObject(input)) return;
      for (const [key, value] of Object.entries(input)) {
        if (Object.hasOwn(entries, key)) continue;
        const nearest = nearestName(key, [...known, ...Object.keys(elsewhere)]);
        const meant = nearest !== undefined && Object.hasOwn(elsewhere, nearest) ? elsewhere[nearest] : nearest;
        const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean "${meant}"?`;
        addIssue({
          message: `unknown key; ${hint}`,
          path: [{ type: 'object', origin: 'key', input, key, value }],
        });
      }
    }),
  );
  // A pipe shows only its first step; what the object may hold is for others to read as well.
  return { ...schema, entries };
}

export function list(item: v.GenericSchema, of: string) {
  return v.pipe(rule(Array.isArray, `a list of ${of}`), v.array(item));
}

/** A value in an error message: short, on one line, without secrets. */
export function show(value: unknown): string {
  if (typeof value === 'string') return shorten(JSON.stringify(maskSecrets(unspaced(value))));
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Promise) return 'a promise';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}

/** A URL is one word; white space in it is part of a password, of which no piece is to be left. */
function unspaced(text: string): string {
  return text.includes('://') && text.includes('@') ? text.replaceAll(/\s/g, '') : text;
}

function shorten(quoted: string): string {
  return quoted.length <= 80 ? quoted : `${quoted.slice(0, 76)}…"`;
}

function didYouMean(value: unknown, names: readonly string[]): string {
  const meant = typeof value === 'string' ? nearestName(value, names) : undefined;
  return meant === undefined ? '' : `; did you mean "${meant}"?`;
}

function orList(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`;
}

function parsed(parse: (value: number | string) => number, value: unknown): number | undefined {
  if (typeof value !== 'number' && typeof value !== 'string') return undefined;
  try {
    return parse(value);
  } catch {
    return undefined;
  }
}

function formatSize(bytes: number): string {
  for (const [unit, of] of [
    ['G', 1024 ** 3],
    ['M', 1024 ** 2],
    ['K', 1024],
  ] as const) {
    if (bytes >= of) return `${bytes / of}${unit}`;
  }
  return String(bytes);
}
