import { InvalidArgumentError } from 'commander';
import { parseDuration, parseSize } from '../contracts/units.js';
import { readTime } from '../envelope/time.js';

/**
 * Values of flags, from text. What does not fit is refused before anything is done, by the name of its flag: commander
 * puts that in front.
 */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number ${range}.`);
  };
}

/** Milliseconds. */
export function durationFlag(text: string): number {
  return parsed(() => parseDuration(text), 'Give a duration, such as 500ms, 10s, 5m, 2h or 1d.');
}

/** What one timer can hold: beyond, it would end at once. */
const LONGEST_RUN = 24 * 86_400_000;

export function timeLimitFlag(text: string): number {
  const ms = durationFlag(text);
  if (ms > 0 && ms <= LONGEST_RUN) return ms;
  throw new InvalidArgumentError('Give a duration longer than 0 and of at most 24d, such as 10s, 5m or 2h.');
}

/** Bytes, as `worker.memoryLimit` takes them: below, a process would be replaced before it has done anything. */
export function memoryFlag(text: string): number {
  const advice = 'Give a size of at least 1M, such as 512M or 2G.';
  const bytes = parsed(() => parseSize(text), advice);
  if (bytes >= 1024 ** 2) return bytes;
  throw new InvalidArgumentError(advice);
}

/** RFC 3339, in UTC. */
export function timeFlag(text: string): string {
  const time = readTime(text);
  if (time !== undefined) return time;
  throw new InvalidArgumentError('Give a time in RFC 3339, such as 2026-01-01T12:00:00Z.');
}

/** Ms since the epoch: a time, or how long ago. */
export function sinceFlag(text: string): number {
  const time = readTime(text);
  if (time !== undefined) return Date.parse(time);
  return Date.now() - parsed(() => parseDuration(text), 'Give a duration (30m, 1d) or a time (2026-01-01T12:00:00Z).');
}

/** A point in a history: ms since the epoch for a time or how long ago, else a position as the transport has them. */
export function pointFlag(text: string): number | string {
  if (readTime(text) !== undefined || /^[\d.]+[a-z]+$/.test(text)) return sinceFlag(text);
  if (/^\d+([-:]\d+)?$/.test(text)) return text;
  throw new InvalidArgumentError(
    'Give a time (2026-01-01T12:00:00Z), how long ago (2h), or a position (the id of an entry, an offset; 0 is the beginning).',
  );
}

/** A name on a transport: what no queue or event can be called finds nothing, and goes nowhere. */
export function nameFlag(text: string): string {
  if (isName(text) && !text.includes('*')) return text;
  throw new InvalidArgumentError('Give a name of 1 to 255 bytes without white space, control characters or "*".');
}

export function patternFlag(text: string): string {
  if (isName(text)) return text;
  throw new InvalidArgumentError('Give an event name or a pattern, such as "payment.*".');
}

/** For flags of which a second one would silently replace the first. */
export function onceFlag(read: (text: string) => string = (text) => text): (text: string, before?: string) => string {
  return (text, before) => {
    if (before !== undefined) throw new InvalidArgumentError('It is given twice. Give it once.');
    return read(text);
  };
}

/** `a,b`, and the flag again for more. */
export function nameListFlag(text: string, before: readonly string[] = []): readonly string[] {
  return [...new Set([...before, ...text.split(',').map((name) => nameFlag(name.trim()))])];
}

function isName(text: string): boolean {
  return text !== '' && Buffer.byteLength(text) <= 255 && !/[\s\p{Cc}]/u.test(text);
}

function parsed<Value>(parse: () => Value, advice: string): Value {
  try {
    return parse();
  } catch {
    throw new InvalidArgumentError(advice);
  }
}
