import type { WireFormat } from '../contracts/envelope.js';
import { type Meta, ThrunError } from '../contracts/index.js';
import type { OutgoingCloudEvent } from '../contracts/transport.js';
import { cloudEventAttributes, cloudEventText } from './cloudevent.js';
import { isDeeperThan } from './depth.js';
import { eventNameProblem } from './event-name.js';
import { newEventId } from './ids.js';
import { DEFAULT_LIMITS, type Limits } from './limits.js';
import { metaBytes, metaProblem } from './meta.js';
import { jsonFailure } from './json-failure.js';
import { kindOf, printable } from './printable.js';
import { checkedText, RawJson } from './raw-json.js';
import { nowText, readTime } from './time.js';

/** Meta as a publisher gives it: any part of it. A field that is undefined is left out. */
export type MetaFields = { readonly [Field in keyof Meta]?: Meta[Field] | undefined };

export interface EnvelopeFields {
  readonly event: string;
  /** Anything JSON can hold, or a {@link RawJson}; undefined is sent as `{}`. */
  readonly payload: unknown;
  readonly meta: MetaFields;
}

export interface Encoded {
  /** UTF-8 JSON, as it goes out. */
  readonly body: Uint8Array;
  readonly eventId: string;
  readonly event: string;
  /** In binary mode, for a transport that has headers. */
  readonly cloudEvent?: OutgoingCloudEvent;
}

/**
 * Writes an envelope. Whatever a worker would refuse is refused here, while the caller still holds what is wrong:
 * THRUN_EVENT_NAME, THRUN_PAYLOAD, THRUN_ENVELOPE (for meta), THRUN_TIME.
 */
export function encode(
  fields: EnvelopeFields,
  limits: Limits = DEFAULT_LIMITS,
  format: WireFormat = 'envelope',
): Encoded {
  const { event } = fields;
  const nameProblem = eventNameProblem(event);
  if (nameProblem !== undefined) {
    throw new ThrunError('THRUN_EVENT_NAME', [typeof event === 'string' ? printable(event) : 'given', nameProblem]);
  }
  const meta = metaToWrite(fields.meta);
  const { json, data } = write(event, fields.payload, meta, format);
  const body = Buffer.from(json);
  checkLimits(event, json, body.byteLength, meta, limits, format);
  if (format !== 'cloudevents-binary') return { body, eventId: meta.event_id, event };
  const cloudEvent = { attributes: cloudEventAttributes(event, meta), data: Buffer.from(data) };
  return { body, eventId: meta.event_id, event, cloudEvent };
}

type WrittenMeta = { event_id: string; timestamp: string; [field: string]: unknown };

function metaToWrite(given: MetaFields): WrittenMeta {
  const problem = metaProblem(given);
  if (problem !== undefined) throw new ThrunError('THRUN_ENVELOPE', ['meta', problem]);
  // The first three are named first to have them first on the wire. A spread defines and never assigns: `__proto__` stays data.
  const meta: { [field: string]: unknown } = { event_id: undefined, timestamp: undefined, source: undefined, ...given };
  meta.event_id ??= newEventId();
  meta.timestamp = given.timestamp === undefined ? nowText() : timeOf('timestamp', given.timestamp);
  if (given.deliver_at !== undefined) meta.deliver_at = timeOf('deliver_at', given.deliver_at);
  if (given.expires_at !== undefined) meta.expires_at = timeOf('expires_at', given.expires_at);
  return meta as WrittenMeta;
}

function timeOf(field: string, value: unknown): string {
  const time = readTime(value);
  if (time === undefined) throw new ThrunError('THRUN_TIME', [`meta.${field} (${kindOf(value)})`]);
  return time;
}

/** In parts: a payload that gives no text is noticed, and one that is JSON already goes in as it stands. */
function write(event: string, payload: unknown, meta: WrittenMeta, format: WireFormat): { json: string; data: string } {
  const raw = payload instanceof RawJson ? checkedText(event, payload) : undefined;
  let text: string | undefined;
  try {
    text = raw ?? (payload === undefined ? '{}' : JSON.stringify(payload));
    if (text !== undefined && format !== 'envelope') return { json: cloudEventText(event, text, meta), data: text };
    if (text !== undefined) {
      return {
        json: `{"event":${JSON.stringify(event)},"payload":${text},"meta":${JSON.stringify(meta)}}`,
        data: text,
      };
    }
  } catch (error) {
    throw new ThrunError('THRUN_PAYLOAD', [event, jsonFailure({ payload, meta }, error)], { cause: error });
  }
  // JSON leaves it out without a word, and the payload would be gone.
  const isObject = typeof payload === 'object';
  const problem = isObject ? 'its toJSON() gives nothing' : `it is ${kindOf(payload)}, which JSON cannot hold`;
  throw new ThrunError('THRUN_PAYLOAD', [event, problem]);
}

function checkLimits(
  event: string,
  json: string,
  bytes: number,
  meta: WrittenMeta,
  limits: Limits,
  format: WireFormat,
): void {
  if (bytes > limits.maxBytes) {
    const advice = 'send a reference to the data in place of the data, or raise the limit';
    throw new ThrunError('THRUN_PAYLOAD', [
      event,
      `the message is ${bytes} bytes, the limit is ${limits.maxBytes}; ${advice}`,
    ]);
  }
  // In a CloudEvent the depth of the meta is inside of texts, and will be found out when they are read.
  const inside = format !== 'envelope' ? JSON.stringify(meta) : '';
  if (isDeeperThan(json, limits.maxDepth) || isDeeperThan(inside, limits.maxDepth)) {
    throw new ThrunError('THRUN_PAYLOAD', [
      event,
      `it is nested deeper than ${limits.maxDepth} levels; flatten it, or raise the limit`,
    ]);
  }
  if (bytes > limits.maxMetaBytes && metaBytes(meta) > limits.maxMetaBytes) {
    const problem = `the meta is ${metaBytes(meta)} bytes, the limit is ${limits.maxMetaBytes}; move data into the payload`;
    throw new ThrunError('THRUN_ENVELOPE', ['meta', problem]);
  }
}
