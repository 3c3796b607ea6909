import type { JsonValue, Meta } from '../contracts/index.js';
import { filledEventId, filledTimestamp, type Origin } from './origin.js';
import { kindOf, printable } from './printable.js';
import { isUtcTime, readTime } from './time.js';

/**
 * The fields of `meta`, read from what foreign programs send. A wrong field costs that field and not the message: the
 * event happened, whatever its meta says. But for what says when it may be handled: to guess there would be to handle
 * it too early or too late, so it is not guessed.
 */

/** An object as the parser made it. Nobody else has it yet, so the codec may put fields right in place. */
export type JsonObject = { [key: string]: JsonValue | undefined };

/** Fields that are text, and nothing more is known of them. */
const TEXT_FIELDS = ['source', 'key', 'correlation_id', 'causation_id', 'traceparent', 'tracestate'] as const;
const ID_FIELDS = ['batch_id', 'job_id'] as const;
const TIME_FIELDS = ['deliver_at', 'expires_at'] as const;

const LONGEST_ID = 128;
const PLAIN_ID = /^[\x21-\x7e]{1,128}$/;
const ANY_ID = /^[^\s\p{Z}\p{Cc}\p{Cf}\p{Cs}]{1,128}$/u;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** 1 to 128 characters, none of them white space or a control character: it becomes a key in stores and a word in logs. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && (PLAIN_ID.test(value) || ANY_ID.test(value));
}

/**
 * Why what the producer meant by its meta cannot be told; undefined: it can. Absent, null and the empty list, which is
 * how PHP writes an object without fields, mean that there is none.
 */
export function unreadableMeta(meta: JsonValue | undefined): string | undefined {
  if (isJsonObject(meta)) {
    for (const field of TIME_FIELDS) {
      const value = meta[field];
      if (value === undefined || value === null || readTime(value) !== undefined) continue;
      const given = typeof value === 'string' ? printable(value) : kindOf(value);
      return `meta.${field} is ${given}, which is no time. Send RFC 3339 with a zone, such as "2026-01-01T12:00:00Z".`;
    }
    return undefined;
  }
  if (meta === undefined || meta === null || (Array.isArray(meta) && meta.length === 0)) return undefined;
  return `The "meta" is ${kindOf(meta)}, not a JSON object. Send {"event_id": "…", …}, or leave it out.`;
}

/** The view of the received meta. As it is when it is complete, which nearly all are. */
export function readMeta(meta: JsonValue | undefined, origin: Origin): Meta {
  if (!isJsonObject(meta)) return { event_id: filledEventId(origin), timestamp: filledTimestamp(origin) };
  return isComplete(meta) ? meta : mend(meta, origin);
}

function isComplete(meta: JsonObject): meta is Meta {
  return (
    isId(meta.event_id) &&
    isUtcTime(meta.timestamp) &&
    isTextOrAbsent(meta.source) &&
    isTextOrAbsent(meta.key) &&
    isTextOrAbsent(meta.correlation_id) &&
    isTextOrAbsent(meta.causation_id) &&
    isTextOrAbsent(meta.traceparent) &&
    isTextOrAbsent(meta.tracestate) &&
    (meta.batch_id === undefined || isId(meta.batch_id)) &&
    (meta.job_id === undefined || isId(meta.job_id)) &&
    (meta.deliver_at === undefined || isUtcTime(meta.deliver_at)) &&
    (meta.expires_at === undefined || isUtcTime(meta.expires_at))
  );
}

function isTextOrAbsent(value: JsonValue | undefined): boolean {
  return value === undefined || typeof value === 'string';
}

/** Only names known here are written to: a foreign `__proto__` stays the data it is. */
function mend(meta: JsonObject, origin: Origin): Meta {
  if (!isId(meta.event_id)) {
    keepOriginal(meta, 'event_id');
    meta.event_id = filledEventId(origin);
  }
  const timestamp = readTime(meta.timestamp);
  if (timestamp === undefined) keepOriginal(meta, 'timestamp');
  meta.timestamp = timestamp ?? filledTimestamp(origin);

  for (const field of TEXT_FIELDS) {
    const value = meta[field];
    // A number is as good a key as its digits; one that was rounded is not.
    if (typeof value === 'number' && Number.isSafeInteger(value)) meta[field] = String(value);
    else if (!isTextOrAbsent(value)) delete meta[field];
  }
  for (const field of ID_FIELDS) if (!isId(meta[field])) delete meta[field];
  for (const field of TIME_FIELDS) {
    const time = readTime(meta[field]);
    if (time === undefined) delete meta[field];
    else meta[field] = time;
  }
  return meta as Meta;
}

/** What the producer wrote, for whoever has to find the mistake. */
function keepOriginal(meta: JsonObject, field: 'event_id' | 'timestamp'): void {
  const value = meta[field];
  const short =
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    (typeof value === 'string' && value.length <= LONGEST_ID);
  if (short) meta[`original_${field}`] ??= value;
}

/** Bytes of `meta` as compact JSON, without `previous_result`. */
export function metaBytes(meta: object): number {
  try {
    const previous = (meta as JsonObject)['previous_result'];
    return jsonBytes(meta) - (previous === undefined ? 0 : jsonBytes(previous));
  } catch {
    // Nested too deep to be written, where the limit for depth has been set that high.
    return Number.POSITIVE_INFINITY;
  }
}

function jsonBytes(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

/** Why thrun will not send this meta; undefined when it will. What it sends is held to more than what it receives. */
export function metaProblem(meta: Readonly<Record<string, unknown>>): string | undefined {
  if (meta.event_id !== undefined && !isId(meta.event_id)) return idProblem('event_id', meta.event_id);
  for (const field of ID_FIELDS) {
    if (meta[field] !== undefined && !isId(meta[field])) return idProblem(field, meta[field]);
  }
  for (const field of TEXT_FIELDS) {
    const value = meta[field];
    if (value !== undefined && typeof value !== 'string')
      return `meta.${field} must be a string, and is ${kindOf(value)}`;
  }
  return undefined;
}

function idProblem(field: string, value: unknown): string {
  const rule = `must be 1 to ${LONGEST_ID} characters without white space and control characters`;
  return `meta.${field} ${rule}, and is ${typeof value === 'string' ? `${printable(value)} (${value.length})` : kindOf(value)}`;
}
