import type { Envelope, JsonValue } from '../contracts/index.js';
import { fromCloudEvent, isCloudEvent } from './cloudevent.js';
import { type Attributes, fromBinary } from './cloudevent-binary.js';
import { eventNameProblem } from './event-name.js';
import { looksLikeShape } from './hints.js';
import type { Limits } from './limits.js';
import { isId, isJsonObject, type JsonObject, metaBytes, readMeta, unreadableMeta } from './meta.js';
import type { Origin } from './origin.js';
import { parseBody, parseInner } from './parse.js';
import { kindOf, printable } from './printable.js';
import { Undecodable } from './undecodable.js';

/**
 * Bytes from a transport to the view that listeners get, or to the reason there is none. Answers for any bytes, and
 * never throws: one message that cannot be read must not stop a worker. The bytes themselves stay as they are; what is
 * carried on (retries, dead letters, forwarding) is always them and never this view, so nothing is lost in it.
 * @param body a string is one whose characters are its bytes: ASCII
 */
export function decode(
  body: Uint8Array | string,
  origin: Origin,
  limits: Limits,
  attributes?: Attributes,
): Envelope | Undecodable {
  const object = attributes === undefined ? readObject(body, limits) : fromBinary(attributes, body, limits);
  if (object instanceof Undecodable) return object;

  const message = attributes !== undefined || isCloudEvent(object) ? fromCloudEvent(object, limits) : object;
  if (message instanceof Undecodable) return message;

  const { event, payload, meta } = message;
  if (eventNameProblem(event) !== undefined) return withoutEvent(object, message);
  const isMeasured = body.length > limits.maxMetaBytes || attributes !== undefined;
  if (isMeasured && isJsonObject(meta)) {
    const bytes = metaBytes(meta);
    if (bytes > limits.maxMetaBytes) return largeMeta(bytes, message, limits);
  }
  const problem = unreadableMeta(meta);
  if (problem !== undefined) return new Undecodable('invalid_meta', problem, String(event), idOf(message));

  const view = readMeta(meta, origin);
  // In place: the object is ours alone, fresh from the parser.
  if (payload === undefined) message.payload = {};
  if (view !== meta) message.meta = view as JsonValue;
  return message as unknown as Envelope;
}

function readObject(body: Uint8Array | string, limits: Limits): JsonObject | Undecodable {
  const parsed = parseBody(body, limits);
  return isJsonObject(parsed) ? parsed : unwrap(parsed, limits);
}

/** Some clients encode twice. One layer is taken off; a second would be a habit nobody should get into. */
function unwrap(parsed: JsonValue | Undecodable, limits: Limits): JsonObject | Undecodable {
  if (parsed instanceof Undecodable) return parsed;
  if (typeof parsed === 'string') {
    const inner = parseInner(parsed, limits);
    if (inner instanceof Undecodable) return inner;
    if (isJsonObject(inner)) return inner;
  }
  const hint = Array.isArray(parsed)
    ? ' Send each event as a message of its own.'
    : ' Send {"event": "…", "payload": …}.';
  return new Undecodable('not_an_object', `The message is ${kindOf(parsed)}, not a JSON object.${hint}`);
}

function withoutEvent(object: JsonObject, message: JsonObject): Undecodable {
  const { event } = message;
  const isNative = object === message;
  if (event === undefined)
    return new Undecodable('missing_event', missing(isNative ? object : undefined), undefined, idOf(message));
  const name = typeof event === 'string' ? ` ${printable(event)}` : '';
  const error = `The "${isNative ? 'event' : 'type'}"${name} is not valid: ${eventNameProblem(event)}.`;
  return new Undecodable('invalid_event', error, undefined, idOf(message));
}

function missing(native: JsonObject | undefined): string {
  if (native === undefined) return 'The message is a CloudEvent without a "type". Put the name of the event there.';
  const hint = looksLikeShape(native);
  return `The message has no "event"${hint === undefined ? '' : ` (${hint})`}. Send {"event": "order_created", "payload": …}.`;
}

function largeMeta(bytes: number, message: JsonObject, limits: Limits): Undecodable {
  return new Undecodable(
    'meta_too_large',
    `The meta is ${Number.isFinite(bytes) ? `${bytes} bytes` : 'nested too deep to be measured'}, ` +
      `the limit is ${limits.maxMetaBytes}. Move data into the payload.`,
    String(message.event),
    idOf(message),
  );
}

function idOf(message: JsonObject): string | undefined {
  const { meta } = message;
  return isJsonObject(meta) && isId(meta.event_id) ? meta.event_id : undefined;
}
