import type { MessageProperties } from 'amqplib';
import { attributeName, isCloudEventHeader } from './rabbitmq-headers.js';

/** `application/cloudevents+json` and its batches say that the event is in the body, whatever the headers say. */
const STRUCTURED = /^application\/cloudevents/i;

/**
 * The attributes of a CloudEvent in binary mode, by their own names; undefined: it is none. The body is its data and the
 * content type the data's.
 */
export function cloudEventOf({ headers, contentType }: MessageProperties): Record<string, string> | undefined {
  if (headers === undefined) return undefined;
  let attributes: Record<string, string> | undefined;
  for (const [header, value] of Object.entries(headers)) {
    if (!isCloudEventHeader(header)) continue;
    const text = textOf(value);
    if (text === undefined) continue;
    // A foreign `__proto__` stays data.
    attributes ??= Object.create(null) as Record<string, string>;
    attributes[attributeName(header)] = text;
  }
  if (attributes?.specversion === undefined) return undefined;
  const type: unknown = contentType;
  if (typeof type !== 'string') return attributes;
  if (STRUCTURED.test(type)) return undefined;
  attributes.datacontenttype = type;
  return attributes;
}

/** AMQP's own types beside text: numbers, booleans and times stand for what CloudEvents writes as text. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  const time = (value as { '!'?: unknown; value?: unknown } | null) ?? {};
  if (time['!'] !== 'timestamp' || typeof time.value !== 'number' || time.value > 8.64e12) return undefined;
  return new Date(time.value * 1000).toISOString();
}
