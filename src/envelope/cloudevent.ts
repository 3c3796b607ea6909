import type { JsonValue } from '../contracts/index.js';
import { attributesOf, metaOf } from './cloudevent-meta.js';
import { eventNameProblem } from './event-name.js';
import type { Limits } from './limits.js';
import { isId, type JsonObject } from './meta.js';
import { parseInner } from './parse.js';
import { kindOf } from './printable.js';
import { Undecodable } from './undecodable.js';
import { utf8Text } from './utf8.js';

/**
 * CloudEvents 1.0 in structured JSON, read as an envelope and written from one: `type` is the event, `data` the payload,
 * `id` and `time` are `event_id` and `timestamp`, and every other attribute, extensions included, is meta.
 */

/** An object that says it is a CloudEvent. One that also has an `event` as text is an envelope that carries a field. */
export function isCloudEvent(value: JsonObject): boolean {
  return value.specversion !== undefined && typeof value.event !== 'string';
}

/** In the shape of an envelope; nothing in it is checked yet, but for the version and the payload. */
export function fromCloudEvent(value: JsonObject, limits: Limits): JsonObject | Undecodable {
  // A rest pattern defines its fields and never assigns them, so a foreign `__proto__` stays data.
  const { type, data, data_base64, id, time, ...attributes } = value;
  if (attributes.specversion !== '1.0') {
    return new Undecodable(
      'unsupported_cloudevent',
      `The message is a CloudEvent with specversion ${kindOf(attributes.specversion)}. Send version "1.0".`,
      ...readable(type, id),
    );
  }
  const payload = data ?? (data === null ? null : base64Payload(data_base64, attributes.datacontenttype, limits));
  if (payload instanceof Undecodable) return new Undecodable(payload.reason, payload.error, ...readable(type, id));
  const meta = metaOf(attributes, limits);
  if (id !== undefined) meta.event_id = id;
  if (time !== undefined) meta.timestamp = time;
  const envelope: JsonObject = { payload, meta: meta as JsonValue };
  if (type !== undefined) envelope.event = type;
  return envelope;
}

/** The text of a CloudEvent; `data` is JSON already. The meta has its id and its time. */
/** Its attributes as text, for binary mode. */
export function cloudEventAttributes(event: string, meta: Readonly<Record<string, unknown>>): Record<string, string> {
  const { event_id: id, timestamp: time } = meta;
  const attributes = {
    specversion: '1.0',
    id,
    type: event,
    time,
    datacontenttype: 'application/json',
    ...attributesOf(meta),
  };
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [name, String(value)]));
}

export function cloudEventText(event: string, data: string, meta: Readonly<Record<string, unknown>>): string {
  const { source, ...others } = attributesOf(meta);
  const { event_id: id, timestamp: time } = meta;
  const head = { specversion: '1.0', id, source, type: event, time, datacontenttype: 'application/json', ...others };
  return `${JSON.stringify(head).slice(0, -1)},"data":${data}}`;
}

/**
 * Binary data. Said to be JSON, or of a type that is not given and readable as JSON: parsed. Else the payload is
 * `{"data_base64": …}` as it came, since JSON has no bytes and a guess at their meaning would be worse than none.
 */
function base64Payload(
  base64: JsonValue | undefined,
  contentType: JsonValue | undefined,
  limits: Limits,
): JsonValue | Undecodable {
  if (base64 === undefined) return {};
  const asItCame: JsonValue = { data_base64: base64 };
  const isJson = saysJson(contentType);
  if (contentType !== undefined && !isJson) return asItCame;
  const text = typeof base64 === 'string' ? base64Text(base64) : undefined;
  const parsed = text === undefined ? undefined : parseInner(text, limits);
  if (parsed !== undefined) return parsed;
  if (!isJson) return asItCame;
  return new Undecodable(
    'invalid_json',
    'The message is a CloudEvent whose data_base64 is said to be JSON, and is not base64 of UTF-8 JSON. ' +
      'Send the JSON in "data", or name the type in "datacontenttype".',
  );
}

/** By its media type: `application/json`, `text/json; charset=utf-8`, `application/vnd.acme+json`. */
export function saysJson(contentType: unknown): boolean {
  return typeof contentType === 'string' && /^[^;]*[/+]json\s*(?:;|$)/i.test(contentType.slice(0, 200));
}

function base64Text(base64: string): string | undefined {
  const bytes = Buffer.from(base64, 'base64');
  // Buffer skips what is not base64; only what comes out the same again was.
  return bytes.toString('base64') === base64 ? utf8Text(bytes) : undefined;
}

/** What is good enough to find the dead letter by. */
export function readable(
  type: JsonValue | undefined,
  id: JsonValue | undefined,
): [event: string | undefined, eventId: string | undefined] {
  return [eventNameProblem(type) === undefined ? String(type) : undefined, isId(id) ? id : undefined];
}
