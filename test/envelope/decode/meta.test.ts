import { describe, expect, it } from 'vitest';
import type { Envelope } from '../../../src/contracts/index.js';
import { DEFAULT_LIMITS } from '../../../src/envelope/index.js';
import { metaOf, origin, PUBLISHED, read, reasonOf, RECEIVED, refuse, withMeta } from './reading.js';

describe('meta', () => {
  it('missing is filled in: an id that every redelivery has again, and the time of the broker', () => {
    const first = read('{"event":"a"}').meta;
    const later = read('{"event":"a"}', { ...origin, receivedAt: origin.receivedAt + 60_000 }).meta;
    expect(later).toEqual(first);
    expect(first.event_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(first).toEqual({ event_id: first.event_id, timestamp: PUBLISHED });
    expect(read('{"event":"a"}', { ...origin, id: 'message-2' }).meta.event_id).not.toBe(first.event_id);
    expect(read('{"event":"a"}', { ...origin, transport: 'other' }).meta.event_id).not.toBe(first.event_id);
  });

  it('the time of receipt, where the broker has none or nonsense', () => {
    for (const publishedAt of [undefined, Number.NaN, -1, 1e20]) {
      expect(read('{"event":"a"}', { ...origin, publishedAt }).meta.timestamp).toBe(RECEIVED);
    }
    const nowhere = read('{"event":"a"}', { ...origin, publishedAt: undefined, receivedAt: Number.NaN }).meta.timestamp;
    expect(Date.parse(nowhere)).toBeGreaterThan(1.7e12);
  });

  it('an origin with odd characters is no trouble', () => {
    expect(read('{"event":"a"}', { ...origin, id: '\ud800\0*' }).meta.event_id).toHaveLength(36);
  });

  it.each(['null', '[]'])('%s counts as absent', (meta) => {
    expect(metaOf(meta)).toEqual(metaOf('{}'));
  });

  it.each([
    ['["event_id"]', 'an array'],
    ['"text"', 'the string "text"'],
    ['5', 'the number 5'],
    ['true', 'the boolean true'],
  ])('a meta that is %s is a dead letter', (meta, what) => {
    expect(refuse(withMeta(meta))).toMatchObject({
      reason: 'invalid_meta',
      error: expect.stringContaining(`The "meta" is ${what}, not a JSON object. Send`),
      event: 'a',
    });
  });

  it('an id that cannot be one is replaced, and kept beside where it is short', () => {
    const filled = metaOf('{}').event_id;
    const time = '"timestamp":"2026-01-01T00:00:00Z"';
    const id = (value: string): Envelope['meta'] => metaOf(`{"event_id":${value},${time}}`);
    expect(id('4711')).toMatchObject({ event_id: filled, original_event_id: 4711 });
    expect(id('true')).toMatchObject({ event_id: filled, original_event_id: true });
    expect(id('""')).toMatchObject({ event_id: filled, original_event_id: '' });
    expect(id('"a b"')).toMatchObject({ event_id: filled, original_event_id: 'a b' });
    expect(id('"a\\u001bb"')).toMatchObject({ event_id: filled, original_event_id: 'a\u001bb' });
    for (const value of ['null', '{}', '[1]', `"${'x'.repeat(129)}"`, `"${'x'.repeat(10_000)}"`]) {
      expect(id(value).event_id).toBe(filled);
      expect(id(value)).not.toHaveProperty('original_event_id');
    }
    expect(id('5,"original_event_id":"mine"')).toMatchObject({ event_id: filled, original_event_id: 'mine' });
    for (const char of ['x', '🎉', ' ']) expect(id(JSON.stringify(char.repeat(3_000))).event_id).toBe(filled);
    for (const value of ['x', 'order:7', 'x'.repeat(128), 'é'.repeat(128), '🎉'.repeat(128)]) {
      expect(id(JSON.stringify(value)).event_id).toBe(value);
    }
  });

  it.each<[string, string, string]>([
    ['a year ahead', '"2027-06-01T00:00:00Z"', '2027-06-01T00:00:00Z'],
    ['milliseconds', '1767225600123', '2026-01-01T00:00:00.123Z'],
    ['seconds', '1767225600', '2026-01-01T00:00:00.000Z'],
    ['seconds with a fraction', '1767225600.25', '2026-01-01T00:00:00.250Z'],
    ['nanoseconds', '"2026-01-01T00:00:00.123456789Z"', '2026-01-01T00:00:00.123456789Z'],
    ['an offset', '"2026-01-01T01:30:00+01:30"', '2026-01-01T00:00:00.000Z'],
    ['lower case and a space', '"2026-01-01 00:00:00z"', '2026-01-01T00:00:00.000Z'],
    ['a leap second', '"2026-06-30T23:59:60Z"', '2026-06-30T23:59:59.000Z'],
    ['a leap day', '"2024-02-29T00:00:00Z"', '2024-02-29T00:00:00Z'],
    ['the 31st', '"2026-12-31T00:00:00.000Z"', '2026-12-31T00:00:00.000Z'],
  ])('timestamp: %s is read', (_, given, expected) => {
    expect(metaOf(`{"event_id":"1","timestamp":${given}}`)).toEqual({ event_id: '1', timestamp: expected });
  });

  it.each([
    '0',
    '-1',
    '8.64e15',
    '1e400',
    '-1e400',
    '"1767225600"',
    '"yesterday"',
    '"2026-02-30T00:00:00Z"',
    '"2025-02-29T00:00:00Z"',
    '"2026-13-01T00:00:00Z"',
    '"2026-01-01T24:00:00Z"',
    '"2026-01-01"',
    '"2026-01-01T00:00:00"',
    '"0000-00-00T00:00:00Z"',
    '"0000-01-01T00:00:00+01:00"',
    '"9999-12-31T23:59:59-01:00"',
    'null',
    '[]',
    '{}',
    `"${'1'.repeat(10_000)}"`,
  ])('timestamp: %s is replaced', (given) => {
    expect(metaOf(`{"event_id":"1","timestamp":${given}}`)).toMatchObject({ event_id: '1', timestamp: PUBLISHED });
  });

  it('a short timestamp that was replaced is kept beside', () => {
    expect(metaOf('{"timestamp":"yesterday"}')).toMatchObject({ original_timestamp: 'yesterday' });
    expect(metaOf('{"timestamp":-5}')).toMatchObject({ original_timestamp: -5 });
    expect(metaOf('{"timestamp":{}}')).not.toHaveProperty('original_timestamp');
  });

  it('at most 16 KiB, unknown fields included', () => {
    const filler = (n: number): string => `{"event_id":"id-1","x":"${'x'.repeat(n)}"}`;
    const around = '{"event_id":"id-1","x":""}'.length;
    expect(metaOf(filler(DEFAULT_LIMITS.maxMetaBytes - around)).event_id).toBe('id-1');
    expect(refuse(withMeta(filler(DEFAULT_LIMITS.maxMetaBytes - around + 1)))).toMatchObject({
      reason: 'meta_too_large',
      error: expect.stringContaining('16385 bytes, the limit is 16384'),
      event: 'a',
      eventId: 'id-1',
    });
    expect(reasonOf(withMeta(filler(1_000_000)))).toBe('meta_too_large');
    expect(metaOf(`{"x":1${' '.repeat(20_000)}}`)['x']).toBe(1);
    expect(read(`{"event":"a","payload":"${'x'.repeat(100_000)}","meta":{"x":1}}`).meta['x']).toBe(1);
  });

  it('previous_result is data and not counted', () => {
    expect(metaOf(`{"previous_result":"${'x'.repeat(100_000)}"}`).previous_result).toHaveLength(100_000);
  });

  it('what only thrun decides is data when a foreigner sends it', () => {
    expect(metaOf('{"attempt":99,"delay":5,"thrun":{"attempt":99}}')).toMatchObject({
      attempt: 99,
      thrun: { attempt: 99 },
    });
    expect(metaOf('{"thrun":"x"}').thrun).toBe('x');
  });

  it.each(['deliver_at', 'expires_at'])('a %s that is no time is a dead letter', (field) => {
    for (const given of [
      '-5',
      '0',
      '1e15',
      '"5m"',
      '"NaN"',
      '""',
      '{}',
      '"2026-02-30T00:00:00Z"',
      '"2026-01-01 12:00"',
    ]) {
      expect(refuse(withMeta(`{"event_id":"1","${field}":${given}}`)), given).toMatchObject({
        reason: 'invalid_meta',
        error: expect.stringMatching(`^meta.${field} is .+, which is no time. Send RFC 3339 with a zone`),
        event: 'a',
        eventId: '1',
      });
    }
    expect(refuse(withMeta(`{"${field}":"a\\u001b[2J"}`)).error).not.toContain('\u001b');
    expect(metaOf(`{"${field}":null}`)).toEqual(metaOf('{}'));
  });

  it('deliver_at and expires_at are read as other times are', () => {
    expect(metaOf('{"deliver_at":1767225600,"expires_at":"2026-01-01T02:00:00+01:00"}')).toMatchObject({
      deliver_at: '2026-01-01T00:00:00.000Z',
      expires_at: '2026-01-01T01:00:00.000Z',
    });
  });

  it('a whole number where text belongs is its digits', () => {
    expect(metaOf('{"key":42,"source":-7,"correlation_id":0}')).toMatchObject({
      key: '42',
      source: '-7',
      correlation_id: '0',
    });
    // Two that were rounded to one number would share a key.
    for (const rounded of ['9007199254740993', '1.5', '1e400'])
      expect(metaOf(`{"key":${rounded}}`), rounded).not.toHaveProperty('key');
  });

  it('fields of the wrong type are left out, one by one', () => {
    const texts = [
      'source',
      'key',
      'correlation_id',
      'causation_id',
      'traceparent',
      'tracestate',
      'batch_id',
      'job_id',
    ];
    for (const field of texts) {
      for (const wrong of ['5.5', 'null', '{}', '[]', 'true'])
        expect(metaOf(`{"x":1,"${field}":${wrong}}`), field).not.toHaveProperty(field);
      expect(metaOf(`{"${field}":"right"}`)[field]).toBe('right');
    }
    expect(metaOf('{"batch_id":"","job_id":""}')).toEqual(metaOf('{}'));
  });

  it('unknown fields come through, in meta and beside it', () => {
    const envelope = read('{"v":2,"event":"a","meta":{"tenant":"acme","deep":{"x":[1]}}}');
    expect(envelope.meta).toMatchObject({ tenant: 'acme', deep: { x: [1] } });
    expect(envelope).toMatchObject({ v: 2 });
  });
});
