import { isAscii } from 'node:buffer';
import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  DEFAULT_LIMITS,
  decode,
  encode,
  eventNameProblem,
  type Origin,
  Undecodable,
} from '../../src/envelope/index.js';
import { isDeeperThan } from '../../src/envelope/depth.js';
import { jsonProblem } from '../../src/envelope/json-problem.js';
import { isUtcTime } from '../../src/envelope/time.js';
import { firstBadByte } from '../../src/envelope/utf8.js';

/** What holds for all inputs, tried with many. A failure prints its seed. */

const origin: Origin = { transport: 'test', id: '1', publishedAt: undefined, receivedAt: 1_767_225_600_000 };
const TEXTS = ['source', 'key', 'correlation_id', 'causation_id', 'traceparent', 'tracestate', 'batch_id', 'job_id'];
const TIMES = ['deliver_at', 'expires_at'];

/** Decodes, and holds whatever comes out against what the rest of the system relies on. */
function check(body: Uint8Array): void {
  const before = Buffer.from(body);
  const answer = decode(body, origin, DEFAULT_LIMITS);
  expect(before.equals(body)).toBe(true);
  // Its text reads the same, where it is ASCII.
  if (isAscii(body)) expect(decode(before.toString('latin1'), origin, DEFAULT_LIMITS)).toEqual(answer);
  if (answer instanceof Undecodable) {
    expect(answer.error).toMatch(/^[\P{C}\p{Cn}\p{Co}]{10,600}$/u);
    return;
  }
  expect(eventNameProblem(answer.event)).toBeUndefined();
  expect(answer.payload).not.toBeUndefined();
  expect(answer.meta.event_id).toMatch(/^[^\s\p{Cc}\p{Cf}\p{Cs}]{1,128}$/u);
  expect(isUtcTime(answer.meta.timestamp)).toBe(true);
  for (const field of TEXTS) expect(['string', 'undefined']).toContain(typeof answer.meta[field]);
  for (const field of TIMES) expect(answer.meta[field] === undefined || isUtcTime(answer.meta[field])).toBe(true);
  // A redelivery reads the same.
  expect(decode(body, origin, DEFAULT_LIMITS)).toEqual(answer);
}

const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('', '2026-01-01T00:00:00Z', '1.0', '__proto__'),
);
const anyJson = fc.oneof(
  fc.jsonValue(),
  anyText,
  fc.double(),
  fc.integer(),
  fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
);
const maybe = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });
const anyMeta = fc.record(
  {
    ...Object.fromEntries([...TEXTS, ...TIMES].map((field) => [field, anyJson])),
    event_id: anyJson,
    timestamp: anyJson,
    previous_result: anyJson,
    thrun: anyJson,
  },
  { requiredKeys: [] },
);

describe('decode', () => {
  it('answers to any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), check), { numRuns: 3000 });
  });

  it('answers to any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => check(Buffer.from(text))),
      { numRuns: 1000 },
    );
  });

  it('answers to any JSON', () => {
    fc.assert(
      fc.property(fc.json(), (text) => check(Buffer.from(text))),
      { numRuns: 1000 },
    );
  });

  it('answers to anything shaped like an envelope', () => {
    const envelope = fc.record(
      {
        event: fc.oneof(fc.constant('a'), anyJson),
        payload: anyJson,
        meta: fc.oneof(anyMeta, anyJson),
        extra: anyJson,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(envelope, (value) => check(Buffer.from(JSON.stringify(value)))),
      { numRuns: 3000 },
    );
  });

  it('answers to anything shaped like a CloudEvent', () => {
    const cloudEvent = fc.record(
      {
        specversion: fc.oneof(fc.constant('1.0'), anyJson),
        type: fc.oneof(fc.constant('a'), anyJson),
        id: anyJson,
        time: anyJson,
        source: anyJson,
        datacontenttype: fc.oneof(fc.constantFrom('application/json', 'text/plain'), anyJson),
        data: anyJson,
        data_base64: fc.oneof(
          fc.base64String(),
          fc.json().map((text) => Buffer.from(text).toString('base64')),
          anyJson,
        ),
      },
      { requiredKeys: ['specversion'] },
    );
    fc.assert(
      fc.property(cloudEvent, (value) => check(Buffer.from(JSON.stringify(value)))),
      { numRuns: 3000 },
    );
  });

  it('answers to an envelope with any bytes changed', () => {
    const { body } = encode({
      event: 'order_created',
      payload: { n: [1, 'é', { x: null }] },
      meta: { source: 'test', key: 'k' },
    });
    const change = fc.record({ at: fc.nat(body.length - 1), byte: fc.nat(255) });
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 4 }), fc.nat(body.length), (changes, length) => {
        const changed = Buffer.from(body);
        for (const { at, byte } of changes) changed[at] = byte;
        check(changed);
        check(changed.subarray(0, length));
      }),
      { numRuns: 3000 },
    );
  });
});

describe('encode, then decode', () => {
  it('gives back what went in', () => {
    const meta = fc.record({
      source: maybe(fc.string({ unit: 'binary' })),
      key: maybe(fc.string()),
      correlation_id: maybe(fc.uuid()),
      batch_id: maybe(fc.uuid()),
      previous_result: maybe(fc.jsonValue()),
      tenant: maybe(fc.jsonValue()),
    });
    const name = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 60 })
      .filter((text) => eventNameProblem(text) === undefined);
    fc.assert(
      fc.property(name, fc.jsonValue(), meta, (event, payload, fields) => {
        const { body, eventId } = encode({ event, payload, meta: fields as Parameters<typeof encode>[0]['meta'] });
        const answer = decode(body, origin, DEFAULT_LIMITS);
        if (answer instanceof Undecodable) throw new Error(answer.error);
        const written = JSON.parse(JSON.stringify({ payload, fields })) as { payload: unknown; fields: object };
        expect(answer.event).toBe(event);
        expect(answer.payload).toEqual(written.payload);
        expect(answer.meta).toEqual({ ...written.fields, event_id: eventId, timestamp: answer.meta.timestamp });
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the places in errors', () => {
  it('jsonProblem finds something exactly where JSON.parse refuses', () => {
    const pieces = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '"a"',
      '"\\u0041"',
      '"\\',
      '\\u12',
      '1',
      '-',
      '0',
      '01',
      '1.5',
      '.',
      'e5',
      '1e',
      'true',
      'nul',
      'null',
      ' ',
      '\n',
      '\t',
      '\u00a0',
      '\u0001',
      "'",
      '/',
      'NaN',
      '\uFEFF',
      '🎉',
      '\ud800',
    );
    const soup = fc.array(pieces, { maxLength: 12 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(fc.oneof(soup, fc.json(), fc.string({ unit: 'binary' })), (text) => {
        const problem = jsonProblem(text);
        expect(problem === undefined).toBe(parses(text));
        if (problem !== undefined) {
          expect(problem.at).toBeLessThanOrEqual(text.length);
          expect(problem.what).toMatch(/^[\P{C}\p{Cn}\p{Co}]+$/u);
        }
      }),
      { numRuns: 20_000 },
    );
  });

  it('firstBadByte finds something exactly where the bytes are not UTF-8', () => {
    const pieces = fc.constantFrom(
      [0x41],
      [0xc3, 0xa9],
      [0xc3],
      [0xe2, 0x82, 0xac],
      [0xe2, 0x82],
      [0xf0, 0x9f, 0x8e, 0x89],
      [0x80],
      [0xff],
      [0xed, 0xa0],
    );
    const mixed = fc.array(pieces, { maxLength: 8 }).map((parts) => Uint8Array.from(parts.flat()));
    fc.assert(
      fc.property(fc.oneof(mixed, fc.uint8Array()), (bytes) => {
        const at = firstBadByte(bytes);
        expect(at === bytes.length).toBe(isUtf8(bytes));
        expect(isUtf8(bytes.subarray(0, at))).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  it('isDeeperThan counts as the parsed value is nested', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.nat(7), (value, max) => {
        // Spaces, so that no text is too short to be looked at.
        const text = JSON.stringify(value, undefined, 2) + ' '.repeat(20);
        expect(isDeeperThan(text, max)).toBe(depthOf(value) > max);
      }),
      { numRuns: 2000 },
    );
  });
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}
