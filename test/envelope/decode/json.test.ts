import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/envelope/index.js';
import { metaOf, origin, read, reasonOf, refuse, withMeta } from './reading.js';

describe('JSON', () => {
  it.each<[string, string]>([
    ['{"event":"a"', 'line 1, column 13 (byte 12): the text ends here'],
    ['{"event":"é', 'line 1, column 12 (byte 12): the text ends inside the string'],
    ['{\n"event":\n', 'line 3, column 1 (byte 11): the text ends here, expected a value'],
    ['[', 'expected a value or "]"'],
  ])('truncated %j, with its place', (input, place) => {
    expect(refuse(input)).toMatchObject({ reason: 'invalid_json', error: expect.stringContaining(place) });
  });

  it.each(['{}{}', '{"event":"a"}\n{"event":"b"}', '{"event":"a"},'])('two documents %j', (input) => {
    expect(refuse(input)).toMatchObject({
      reason: 'invalid_json',
      error: expect.stringContaining('one message holds one envelope'),
    });
  });

  it.each<[string, string]>([
    ['{"event":"a",}', 'a comma before "}"'],
    ['[1,]', 'a comma before "]"'],
    ["{'event':'a'}", 'a single quote'],
    ['{"event":"a"/*x*/}', 'a comment'],
    ['// x\n{"event":"a"}', 'a comment'],
    ['{"event":NaN}', 'NaN'],
    ['{"event":Infinity}', 'Infinity'],
    ['{"event":-Infinity}', 'Infinity'],
    ['{"event":undefined}', 'undefined'],
    ['{"event":0x1F}', 'a hexadecimal number'],
    ['{"event":01}', 'a leading zero'],
    ['{"event":1.}', 'a decimal point'],
    ['{"event":.5}', 'expected a value'],
    ['{"event":+5}', 'expected a value'],
    ['{"event":1e}', 'an exponent'],
    ['{"event":-}', 'a minus sign'],
    ['{"event":True}', 'True, as Python prints it'],
    ['{event:"a"}', 'expected a name in double quotes'],
    ['{"event" "a"}', 'expected ":"'],
    ['{"event":"\\x41"}', 'an unknown escape'],
    ['{"event":"\\u00g0"}', 'a broken escape'],
    ['{"event":"a"]', 'expected "," or "}"'],
  ])('%s', (input, problem) => {
    expect(refuse(input)).toMatchObject({ reason: 'invalid_json', error: expect.stringContaining(problem) });
  });

  it.each(['null', 'true', '5', '"x"', '[]', '[{"event":"a"}]'])('%s on top', (input) => {
    expect(reasonOf(input)).toBe('not_an_object');
  });

  it.each(['\u0000', '\u0001', '\n', '\t', '\u001f'])('the raw control character %j in a text', (char) => {
    const { reason, error } = refuse(`{"event":"a","payload":"x${char}y"}`);
    expect(reason).toBe('invalid_json');
    expect(error).toContain('a raw control character');
    expect(error).toMatch(/^\P{C}+$/u);
  });

  it('an escaped NUL is data in the payload, and refused in event and ids', () => {
    expect(read('{"event":"a","payload":"\\u0000"}').payload).toBe('\0');
    expect(reasonOf('{"event":"a\\u0000"}')).toBe('invalid_event');
    expect(metaOf('{"event_id":"a\\u0000"}').event_id).not.toContain('\0');
    expect(metaOf('{"batch_id":"a\\u0000","job_id":"\\u0000"}')).not.toHaveProperty('batch_id');
  });

  it('half a surrogate pair is data in the payload, and refused in event and ids', () => {
    expect(read('{"event":"a","payload":"\\ud800"}').payload).toBe('\ud800');
    expect(reasonOf('{"event":"a\\ud800"}')).toBe('invalid_event');
    expect(metaOf('{"event_id":"\\udc00"}')).toMatchObject({
      event_id: metaOf('{}').event_id,
      original_event_id: '\udc00',
    });
  });

  it('the last of two equal names counts', () => {
    expect(read('{"event":"a","event":"b"}').event).toBe('b');
  });

  it('an escaped name is the same name', () => {
    expect(read('{"\\u0065vent":"a"}').event).toBe('a');
  });

  it('__proto__ stays data, in payload, in meta, complete or not, and beside them', () => {
    const hostile = '"__proto__":{"polluted":true,"event":"x","event_id":"x"}';
    for (const meta of [
      '{}',
      '{"event_id":"1","timestamp":"2026-01-01T00:00:00Z"}',
      '{"event_id":5}',
      '{"timestamp":1767225600}',
    ]) {
      const inside = meta === '{}' ? `{${hostile}}` : `${meta.slice(0, -1)},${hostile}}`;
      const envelope = read(`{"event":"a","payload":{${hostile}},"meta":${inside},${hostile}}`);
      for (const object of [envelope, envelope.payload, envelope.meta] as object[]) {
        expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
        expect(Object.hasOwn(object, '__proto__')).toBe(true);
        expect('polluted' in object).toBe(false);
      }
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(reasonOf('{"__proto__":{"event":"a"}}')).toBe('missing_event');
    expect(read('{"event":"a","__proto__":{"payload":1,"meta":{}}}').payload).toEqual({});
    const cloudEvent = read(`{"specversion":"1.0","type":"a",${hostile}}`);
    expect(Object.getPrototypeOf(cloudEvent.meta)).toBe(Object.prototype);
    expect(Object.hasOwn(cloudEvent.meta, '__proto__')).toBe(true);
  });

  it.each(['constructor', 'prototype', 'toString', 'hasOwnProperty', '__proto__'])(
    'the event %s is a name like any other',
    (name) => {
      expect(read(`{"event":"${name}"}`).event).toBe(name);
    },
  );

  it('numbers beyond a double are read as near as can be', () => {
    expect(read('{"event":"a","payload":[9007199254740993,1e400,-0]}').payload).toEqual([
      9007199254740992,
      Infinity,
      -0,
    ]);
  });

  it('a number of many digits is a number', () => {
    expect(read(`{"event":"a","payload":${'9'.repeat(500_000)}}`).payload).toBe(Infinity);
  });

  it('nesting, counted before it is parsed', () => {
    const nested = (open: string, close: string, n: number): string =>
      `{"event":"a","payload":${open.repeat(n)}1${close.repeat(n)}}`;
    expect(read(nested('[', ']', 199)).event).toBe('a');
    expect(reasonOf(nested('[', ']', 200))).toBe('too_deep');
    expect(reasonOf(nested('{"x":', '}', 200))).toBe('too_deep');
    expect(reasonOf('['.repeat(500_000))).toBe('too_deep');
    expect(read(`{"event":"a","payload":"${'['.repeat(1000)}"}`).event).toBe('a');
    expect(read(`{"event":"a","payload":"\\"${'{'.repeat(1000)}\\\\"}`).event).toBe('a');
    expect(read(`{"event":"a","payload":[${'[],'.repeat(1000)}1]}`).event).toBe('a');
    expect(reasonOf('{"event":"a","payload":[[]]}', { ...DEFAULT_LIMITS, maxDepth: 2 })).toBe('too_deep');
  });

  it('a limit set very high does not overflow the stack', () => {
    const limits = { maxBytes: 1e7, maxDepth: 1e6, maxMetaBytes: 10 };
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    expect(read(`{"event":"a","payload":${deep}}`, origin, limits).event).toBe('a');
    expect(reasonOf(withMeta(`{"x":${deep}}`), limits)).toBe('meta_too_large');
    expect(reasonOf(deep.slice(0, -1), limits)).toBe('invalid_json');
  });

  it('many names are limited by size alone', () => {
    const names = Array.from({ length: 50_000 }, (_, n) => `"k${n}":0`).join(',');
    expect(Object.keys(read(`{"event":"a","payload":{${names}}}`).payload as object)).toHaveLength(50_000);
  });

  it('encoded twice is unwrapped once', () => {
    const once = '{"event":"a","payload":{"n":1}}';
    const twice = JSON.stringify(once);
    expect(read(twice)).toMatchObject({ event: 'a', payload: { n: 1 } });
    expect(reasonOf(JSON.stringify(twice))).toBe('not_an_object');
    expect(reasonOf(JSON.stringify('{"event":'))).toBe('not_an_object');
    expect(reasonOf(JSON.stringify('['.repeat(500)))).toBe('too_deep');
  });
});
