import type { JsonValue } from '../contracts/index.js';
import { isDeeperThan } from './depth.js';
import { isUtf16, looksLikeBytes, looksLikeText } from './hints.js';
import { jsonProblem } from './json-problem.js';
import type { Limits } from './limits.js';
import { Undecodable } from './undecodable.js';
import { firstBadByte, utf8Text } from './utf8.js';

/** Bytes, or ASCII text, to a JSON value. Each step is cheaper than the one after it, and keeps it from what it could not bear. */
export function parseBody(body: Uint8Array | string, limits: Limits): JsonValue | Undecodable {
  if (body.length > limits.maxBytes) return tooLarge(body.length, limits);
  if (body.length === 0) return new Undecodable('empty_body', 'The message has no bytes. Send one JSON object.');
  const text = typeof body === 'string' ? body : utf8Text(body);
  if (text === undefined) return notUtf8(body as Uint8Array);
  if (text === '')
    return new Undecodable('empty_body', 'The message is nothing but a byte order mark. Send one JSON object.');
  if (isDeeperThan(text, limits.maxDepth)) return tooDeep(limits);
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    return notJson(typeof body === 'string' ? Buffer.from(body) : body, text, error);
  }
}

/** The JSON inside a JSON string; undefined: it is none. Throws nothing. */
export function parseInner(text: string, limits: Limits): JsonValue | Undecodable | undefined {
  if (isDeeperThan(text, limits.maxDepth)) return tooDeep(limits);
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

/** "line 1, column 13 (byte 12)" of a place in a text; `before` is what the bytes have in front of it. */
export function placeIn(text: string, at: number, before = 0): string {
  const head = text.slice(0, at);
  const line = head.split('\n').length;
  const column = at - head.lastIndexOf('\n');
  return `line ${line}, column ${column} (byte ${before + Buffer.byteLength(head)})`;
}

export function tooLarge(bytes: number, limits: Limits): Undecodable {
  return new Undecodable(
    'payload_too_large',
    `The message is ${bytes} bytes, the limit is ${limits.maxBytes}. ` +
      'Send a reference to the data in place of the data, or raise the limit.',
  );
}

function tooDeep(limits: Limits): Undecodable {
  return new Undecodable(
    'too_deep',
    `The message is nested deeper than ${limits.maxDepth} levels. Flatten it, or raise the limit.`,
  );
}

function notUtf8(body: Uint8Array): Undecodable {
  const at = firstBadByte(body);
  const byte = body[at];
  const what =
    byte === undefined
      ? 'cannot be decoded'
      : `byte ${at} (0x${byte.toString(16).padStart(2, '0')}) does not belong there`;
  return new Undecodable('invalid_utf8', sentence(`The message is not UTF-8: ${what}.`, looksLikeBytes(body)));
}

function notJson(body: Uint8Array, text: string, error: unknown): Undecodable {
  if (isUtf16(body))
    return new Undecodable('invalid_utf8', sentence('The message is not UTF-8.', looksLikeBytes(body)));
  const problem = jsonProblem(text) ?? { at: 0, what: error instanceof Error ? error.message : String(error) };
  const bom = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
  return new Undecodable(
    'invalid_json',
    sentence(
      `The message is not JSON at ${placeIn(text, problem.at, bom)}: ${problem.what}.`,
      looksLikeText(text) ?? looksLikeBytes(body),
    ),
  );
}

function sentence(what: string, hint: string | undefined): string {
  return hint === undefined ? what : `${what} It ${hint}.`;
}
