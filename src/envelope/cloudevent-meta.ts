import type { JsonValue } from '../contracts/index.js';
import type { Limits } from './limits.js';
import { isJsonObject, type JsonObject } from './meta.js';
import { parseInner } from './parse.js';
import { Undecodable } from './undecodable.js';

/**
 * Meta as attributes of a CloudEvent, and back. Attributes have names of lower-case letters and digits, and hold text,
 * booleans and small whole numbers: fields that cannot be one are kept, all in one, as JSON text. docs/wire-format.md has
 * the same table.
 */

/** Fields under another name; `partitionkey` is that of the partitioning extension. */
const RENAMED = {
  correlation_id: 'correlationid',
  causation_id: 'causationid',
  key: 'partitionkey',
  deliver_at: 'deliverat',
  expires_at: 'expiresat',
  batch_id: 'batchid',
  job_id: 'jobid',
} as const;

/** Fields that hold any JSON, as its text. */
const AS_TEXT = { previous_result: 'previousresult', thrun: 'thrun' } as const;

/** What is left: an object as JSON text. */
const REST = 'thrunmeta';

/** Names that mean something else in a CloudEvent, or did in an earlier version. */
const TAKEN: ReadonlySet<string> = new Set([
  ...['id', 'type', 'time', 'specversion', 'datacontenttype', 'dataschema', 'data', 'schemaurl', 'datacontentencoding'],
  ...Object.values(RENAMED),
  ...Object.values(AS_TEXT),
  REST,
]);

const ATTRIBUTE_NAME = /^[a-z0-9]{1,20}$/;
/** Characters of a relative or absolute URI, with whole escapes only. */
const URI_REFERENCE = /^(?:[\w\-.~:/?@!$&'()*+,;=]|%[\da-f]{2})+(?:#(?:[\w\-.~:/?@!$&'()*+,;=]|%[\da-f]{2})*)?$/i;
/** What would be taken for a scheme, and cannot be one. */
const NO_SCHEME = /^(?![a-z][a-z\d+.-]*:)[^/?#]*:/i;
/** Control characters, halves of pairs and what is no character: no attribute may hold them. */
const FORBIDDEN = /[\p{Cc}\p{Cs}\u{FDD0}-\u{FDEF}]|[\uFFFE\uFFFF]/u;

/** What `source` is where there is none: a CloudEvent has to have one. */
const NO_SOURCE = 'thrun';

/** Meta, without `event_id` and `timestamp`, as attributes. What has no place among them is in `thrunmeta`. */
export function attributesOf(meta: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { source, ...fields } = meta;
  const attributes: Record<string, unknown> = { source: uriOf(source) };
  const rest: Record<string, unknown> = {};
  if (source !== undefined && attributes.source !== source) rest.source = source;
  for (const [field, value] of Object.entries(fields)) {
    if (value === undefined || field === 'event_id' || field === 'timestamp') continue;
    const renamed = Object.hasOwn(RENAMED, field) ? RENAMED[field as keyof typeof RENAMED] : field;
    if (Object.hasOwn(AS_TEXT, field)) attributes[AS_TEXT[field as keyof typeof AS_TEXT]] = JSON.stringify(value);
    else if ((renamed !== field || isFree(field, value)) && isAttributeValue(value)) attributes[renamed] = value;
    // Defined, not assigned: a field called `__proto__` is data.
    else Object.defineProperty(rest, field, { value, enumerable: true });
  }
  if (Object.keys(rest).length > 0) attributes[REST] = JSON.stringify(rest);
  return attributes;
}

/** The meta that these attributes are; those that thrun does not know stay under their own names. */
export function metaOf(attributes: JsonObject, limits: Limits): JsonObject {
  const { [REST]: text, ...meta } = attributes;
  for (const [field, name] of Object.entries(RENAMED)) {
    if (meta[name] === undefined || meta[field] !== undefined) continue;
    meta[field] = meta[name];
    delete meta[name];
  }
  for (const [field, name] of Object.entries(AS_TEXT)) {
    const value = field === name || meta[field] === undefined ? jsonIn(meta[name], limits) : undefined;
    if (value === undefined) continue;
    delete meta[name];
    meta[field] = value;
  }
  const rest = jsonIn(text, limits);
  // A spread defines and never assigns, so a foreign `__proto__` stays data.
  if (isJsonObject(rest)) return { ...meta, ...rest };
  return text === undefined ? meta : { ...meta, [REST]: text };
}

function isFree(field: string, value: unknown): boolean {
  return ATTRIBUTE_NAME.test(field) && !TAKEN.has(field) && (field !== 'subject' || typeof value === 'string');
}

function isAttributeValue(value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && !FORBIDDEN.test(value);
  return typeof value === 'boolean' || (typeof value === 'number' && (value | 0) === value && !Object.is(value, -0));
}

/** As it is where it is a URI reference, which most names are; else with its other characters escaped. */
function uriOf(source: unknown): string {
  if (typeof source !== 'string' || source === '') return NO_SOURCE;
  if (URI_REFERENCE.test(source) && !NO_SCHEME.test(source)) return source;
  return encodeURIComponent(source.replace(/\p{Cs}/gu, '\uFFFD'));
}

/** Undefined for what is no JSON, or nested too deep to be read: it stays the text it is. */
function jsonIn(text: JsonValue | undefined, limits: Limits): JsonValue | undefined {
  const value = typeof text === 'string' ? parseInner(text, limits) : undefined;
  return value instanceof Undecodable ? undefined : value;
}
