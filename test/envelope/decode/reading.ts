import type { Envelope } from '../../../src/contracts/index.js';
import { DEFAULT_LIMITS, decode, type Limits, type Origin, Undecodable } from '../../../src/envelope/index.js';

// What a worker must bear: bodies good, odd and bad, and how they are read or refused.

/** Where the bodies of these tests come from, unless they say otherwise. */
export const origin: Origin = {
  transport: 'test',
  id: 'message-1',
  publishedAt: 1_767_323_045_678,
  receivedAt: 1_767_323_099_000,
};
export const PUBLISHED = '2026-01-02T03:04:05.678Z';
export const RECEIVED = '2026-01-02T03:04:59.000Z';

export type Input = string | Uint8Array;
const bytes = (input: Input): Uint8Array => (typeof input === 'string' ? Buffer.from(input) : input);

export function read(input: Input, from: Origin = origin, limits: Limits = DEFAULT_LIMITS): Envelope {
  const answer = decode(bytes(input), from, limits);
  if (answer instanceof Undecodable) throw new Error(`${answer.reason}: ${answer.error}`);
  return answer;
}

export function refuse(input: Input, limits: Limits = DEFAULT_LIMITS): Undecodable {
  const answer = decode(bytes(input), origin, limits);
  if (!(answer instanceof Undecodable)) throw new Error(`was read: ${JSON.stringify(answer).slice(0, 200)}`);
  return answer;
}

export const reasonOf = (input: Input, limits?: Limits): string => refuse(input, limits).reason;
export const withMeta = (meta: string): string => `{"event":"a","payload":1,"meta":${meta}}`;
export const metaOf = (meta: string, from?: Origin): Envelope['meta'] => read(withMeta(meta), from).meta;
