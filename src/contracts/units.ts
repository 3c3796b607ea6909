import { ThrunError } from './errors.js';

/** Milliseconds, or a number with a unit: `500ms`, `10s`, `5m`, `2h`, `1d`. */
export type Duration = number | string;

/** Bytes, or a number with a unit: `512K`, `512M`, `2G` (powers of 1024). */
export type Size = number | string;

const MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Readonly<Record<string, number>> = { '': 1, b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3 };

/** Ten years: what lies beyond is a mistake in the input, and timers and dates stay exact below it. */
const LONGEST = 10 * 365 * 86_400_000;

/** @throws {ThrunError} THRUN_DURATION for anything that is not one, is negative, or is longer than ten years. */
export function parseDuration(value: Duration): number {
  if (typeof value === 'number') {
    if (value >= 0 && value <= LONGEST) return value;
    throw new ThrunError('THRUN_DURATION', [value]);
  }
  const parts = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(String(value).trim());
  const ms = parts ? Number(parts[1]) * (MS[parts[2] ?? 'ms'] ?? Number.NaN) : Number.NaN;
  if (!(ms <= LONGEST)) throw new ThrunError('THRUN_DURATION', [JSON.stringify(value)]);
  return Math.round(ms);
}

/** @throws {ThrunError} THRUN_SIZE */
export function parseSize(value: Size): number {
  if (typeof value === 'number' && value > 0 && Number.isSafeInteger(value)) return value;
  const parts = /^(\d+(?:\.\d+)?)([kmg]?)i?b?$/i.exec(String(value).trim());
  const bytes = parts
    ? Math.round(Number(parts[1]) * (BYTES[parts[2]?.toLowerCase() ?? ''] ?? Number.NaN))
    : Number.NaN;
  if (!Number.isSafeInteger(bytes) || bytes <= 0) throw new ThrunError('THRUN_SIZE', [JSON.stringify(value)]);
  return bytes;
}

/** `1500` → `1.5s`: for people. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  for (const [unit, size] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
  ] as const) {
    if (ms >= size) return `${Number((ms / size).toFixed(1))}${unit}`;
  }
  return `${Number((ms / 1000).toFixed(1))}s`;
}
