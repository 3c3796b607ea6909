import { readable, saysJson } from './cloudevent.js';
import type { Limits } from './limits.js';
import type { JsonObject } from './meta.js';
import { parseBody, tooLarge } from './parse.js';
import { Undecodable } from './undecodable.js';
import { utf8Text } from './utf8.js';

/** Of a CloudEvent in binary mode: what its headers say, by the names of the specification. */
export type Attributes = Readonly<Record<string, string>>;

/**
 * A CloudEvent in binary mode, as it would read in structured JSON: attributes from headers, data from the body. Data that
 * is not said to be something else than JSON is JSON; the rest travels as base64, as it does there.
 */
export function fromBinary(
  attributes: Attributes,
  body: Uint8Array | string,
  limits: Limits,
): JsonObject | Undecodable {
  // A rest pattern defines its fields and never assigns them, so a foreign `__proto__` stays data.
  const { ...object }: JsonObject = attributes;
  if (body.length === 0) return object;
  const { type, id } = attributes;
  const found = (problem: Undecodable) => new Undecodable(problem.reason, problem.error, ...readable(type, id));
  if (body.length > limits.maxBytes) return found(tooLarge(body.length, limits));
  if (!isJson(attributes)) {
    object.data_base64 = Buffer.from(body).toString('base64');
    return object;
  }
  const data = parseBody(body, limits);
  if (data instanceof Undecodable) return found(data);
  object.data = data;
  return object;
}

/**
 * The bytes of one that {@link fromBinary} can read in structured JSON, for where there are no headers: the data as it
 * came, so that its numbers keep every digit.
 */
export function toStructured(attributes: Attributes, data: Uint8Array): Uint8Array {
  const head = JSON.stringify(attributes).slice(0, -1);
  if (data.length === 0) return Buffer.from(`${head}}`);
  if (!isJson(attributes)) return Buffer.from(`${head},"data_base64":"${Buffer.from(data).toString('base64')}"}`);
  return Buffer.from(`${head},"data":${utf8Text(data)}}`);
}

function isJson({ datacontenttype }: Attributes): boolean {
  return datacontenttype === undefined || saysJson(datacontenttype);
}
