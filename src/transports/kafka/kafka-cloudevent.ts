import type { KafkaRecord } from './kafka-client.js';

/** The Kafka binding of CloudEvents: each attribute is a header with this before its name. */
const PREFIX = 'ce_';

/** `application/cloudevents+json` and its batches say that the event is in the value, whatever the headers say. */
const STRUCTURED = /^application\/cloudevents/i;

/**
 * The attributes of a CloudEvent in binary mode, by their own names; undefined: it is none. The value is its data and the
 * content type the data's.
 */
export function cloudEventOf(headers: KafkaRecord['headers']): Record<string, string> | undefined {
  if (headers[`${PREFIX}specversion`] === undefined) return undefined;
  const type = headers['content-type']?.toString();
  if (type !== undefined && STRUCTURED.test(type)) return undefined;
  // A foreign `__proto__` stays data.
  const attributes = Object.create(null) as Record<string, string>;
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(PREFIX)) attributes[header.slice(PREFIX.length)] = value.toString();
  }
  if (type !== undefined) attributes['datacontenttype'] = type;
  return attributes;
}

/** The headers of an event in binary mode. */
export function cloudEventHeaders({
  datacontenttype,
  ...attributes
}: Readonly<Record<string, string>>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(attributes)) headers[`${PREFIX}${name}`] = value;
  if (datacontenttype !== undefined) headers['content-type'] = datacontenttype;
  return headers;
}
