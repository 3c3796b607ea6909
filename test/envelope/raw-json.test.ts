import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ThrunError } from '../../src/contracts/index.js';
import { DEFAULT_LIMITS, decode, encode, type Origin, RawJson } from '../../src/envelope/index.js';

const META = { event_id: 'id-1', timestamp: '2026-01-01T00:00:00.000Z', source: 'test' };
const ORIGIN: Origin = { transport: 'test', id: '1', publishedAt: undefined, receivedAt: 1_767_225_600_000 };
const textOf = (payload: unknown): string =>
  Buffer.from(encode({ event: 'booked', payload, meta: META }).body).toString();
const WRITTEN_META = '{"event_id":"id-1","timestamp":"2026-01-01T00:00:00.000Z","source":"test"}';

function failure(text: string): ThrunError {
  try {
    textOf(new RawJson(text));
  } catch (error) {
    if (error instanceof ThrunError) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('RawJson', () => {
  it.each([
    '{"id":12345678901234567890,"price":1.10}',
    '[1e400, -0, 1E+2, 9007199254740993]',
    '{ "a" : 1,\n  "a" : 2 }',
    '"\\u0041\\/"',
    'null',
    ' 5 ',
  ])('leaves as it is written: %s', (text) => {
    expect(textOf(new RawJson(text))).toBe(`{"event":"booked","payload":${text},"meta":${WRITTEN_META}}`);
  });

  it('is read as the value it stands for', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const { body } = encode({ event: 'booked', payload: new RawJson(text), meta: {} });
        expect(decode(body, ORIGIN, DEFAULT_LIMITS)).toMatchObject({ event: 'booked', payload: JSON.parse(text) });
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['', 'line 1, column 1 (byte 0)'],
    ['{"a":1,}', 'line 1, column 8 (byte 7)'],
    ['{"é":\n tru}', 'line 2, column 2 (byte 8)'],
    ['1} ,"x":{"a":1', 'line 1, column 2 (byte 1)'],
    ['{}{}', 'line 1, column 3 (byte 2)'],
    ['"\ud800"', 'line 1, column 2 (byte 1)'],
  ])('refuses %j and says where', (text, place) => {
    const { code, message } = failure(text);
    expect(code).toBe('THRUN_PAYLOAD');
    expect(message).toContain(place);
    expect(message).toMatch(/^The payload of booked cannot be sent: /);
  });

  it('keeps to the limits', () => {
    expect(failure(`${'['.repeat(200)}${']'.repeat(200)}`).message).toContain('nested deeper than 200');
    expect(failure(`"${'x'.repeat(1024 * 1024)}"`).message).toContain('the limit is 1048576');
  });
});

describe('times before 1970', () => {
  it.each([
    ['1960-01-01T00:00:00Z', '1960-01-01T00:00:00Z'],
    ['1960-01-01T00:00:00+01:00', '1959-12-31T23:00:00.000Z'],
  ])('%s is a time', (timestamp, read) => {
    const body = Buffer.from(JSON.stringify({ event: 'born', meta: { event_id: 'a', timestamp } }));
    expect(decode(body, ORIGIN, DEFAULT_LIMITS)).toMatchObject({ meta: { timestamp: read } });
  });
});
