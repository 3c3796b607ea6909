import { describe, expect, it } from 'vitest';
import type { Envelope } from '../../src/contracts/index.js';
import { DEFAULT_LIMITS, decode, type Limits, type Origin, Undecodable } from '../../src/envelope/index.js';

/** Bad and odd inputs by the number of their row in the list of inputs a worker must bear. */

const origin: Origin = {
  transport: 'test',
  id: 'message-1',
  publishedAt: 1_767_323_045_678,
  receivedAt: 1_767_323_099_000,
};
const PUBLISHED = '2026-01-02T03:04:05.678Z';
const RECEIVED = '2026-01-02T03:04:59.000Z';

type Input = string | Uint8Array;
const bytes = (input: Input): Uint8Array => (typeof input === 'string' ? Buffer.from(input) : input);

function read(input: Input, from: Origin = origin, limits: Limits = DEFAULT_LIMITS): Envelope {
  const answer = decode(bytes(input), from, limits);
  if (answer instanceof Undecodable) throw new Error(`${answer.reason}: ${answer.error}`);
  return answer;
}

function refuse(input: Input, limits: Limits = DEFAULT_LIMITS): Undecodable {
  const answer = decode(bytes(input), origin, limits);
  if (!(answer instanceof Undecodable)) throw new Error(`was read: ${JSON.stringify(answer).slice(0, 200)}`);
  return answer;
}

const reasonOf = (input: Input, limits?: Limits): string => refuse(input, limits).reason;
const withMeta = (meta: string): string => `{"event":"a","payload":1,"meta":${meta}}`;
const metaOf = (meta: string, from?: Origin): Envelope['meta'] => read(withMeta(meta), from).meta;

describe('bytes', () => {
  it('an empty body', () => {
    expect(reasonOf('')).toBe('empty_body');
    expect(reasonOf(new Uint8Array(0))).toBe('empty_body');
  });

  it('white space only', () => {
    expect(reasonOf(' \r\n\t')).toBe('invalid_json');
  });

  it('one byte order mark is skipped, a second is not', () => {
    expect(read('\uFEFF{"event":"a"}').event).toBe('a');
    const second = refuse('\uFEFF\uFEFF{"event":"a"}');
    expect(second.reason).toBe('invalid_json');
    expect(second.error).toContain('(byte 3): a byte order mark');
    expect(reasonOf('\uFEFF')).toBe('empty_body');
  });

  it('UTF-16, with a mark and without', () => {
    const littleEndian = Buffer.from('{"event":"a"}', 'utf16le');
    const bigEndian = Buffer.from(littleEndian).swap16();
    expect(refuse(Buffer.concat([Buffer.from([0xff, 0xfe]), littleEndian]))).toMatchObject({
      reason: 'invalid_utf8',
      error: expect.stringContaining('has a UTF-16 BOM'),
    });
    expect(reasonOf(Buffer.concat([Buffer.from([0xfe, 0xff]), bigEndian]))).toBe('invalid_utf8');
    expect(reasonOf(littleEndian)).toBe('invalid_utf8');
    expect(reasonOf(bigEndian)).toBe('invalid_utf8');
  });

  it.each([
    ['a truncated character', [0xc3], 10],
    ['a byte that is none', [0xff], 10],
    ['an overlong form', [0xc0, 0xaf], 10],
    ['a surrogate', [0xed, 0xa0, 0x80], 10],
    ['beyond the last code point', [0xf4, 0x90, 0x80, 0x80], 10],
    ['a continuation without a start', [0x80], 10],
  ])('%s, with its place', (_, wrong, at) => {
    const body = Buffer.concat([Buffer.from('{"event":"'), Buffer.from(wrong), Buffer.from('"}')]);
    const { reason, error } = refuse(body);
    expect(reason).toBe('invalid_utf8');
    expect(error).toContain(`byte ${at} `);
  });

  it('too large, checked before anything is read', () => {
    const limits = { ...DEFAULT_LIMITS, maxBytes: 20 };
    expect(read('{"event":"abcdefgh"}', origin, limits).event).toBe('abcdefgh');
    expect(refuse('{"event":"abcdefghi"}', limits)).toMatchObject({
      reason: 'payload_too_large',
      error: expect.stringContaining('is 21 bytes, the limit is 20'),
    });
    expect(reasonOf(Buffer.alloc(DEFAULT_LIMITS.maxBytes + 1, 0xff))).toBe('payload_too_large');
    expect(reasonOf(Buffer.alloc(DEFAULT_LIMITS.maxBytes, 0x20))).toBe('invalid_json');
  });

  it.each<[string, Input, string, string]>([
    ['form-encoded', 'event=a&payload=%7B%7D', 'invalid_json', 'looks form-encoded'],
    ['XML', '<event/>', 'invalid_json', 'looks like XML'],
    ['Protobuf', Buffer.from([0x0a, 0x03, 0x61, 0x62, 0x63]), 'invalid_json', 'may be Protobuf'],
    ['Avro', Buffer.from([0, 0, 0, 0, 7, 0x02, 0x61]), 'invalid_json', 'looks like Avro'],
    ['gzip', Buffer.from([0x1f, 0x8b, 0x08, 0x00]), 'invalid_utf8', 'looks gzip-compressed'],
    ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd]), 'invalid_utf8', 'looks zstd-compressed'],
    ['pickle', Buffer.from([0x80, 0x04, 0x95]), 'invalid_utf8', 'Python pickle'],
    ['MessagePack', Buffer.from([0x81, 0xa5, 0x65]), 'invalid_utf8', 'MessagePack'],
    ['Marshal', Buffer.from([0x04, 0x08, 0x7b]), 'invalid_json', 'Ruby Marshal'],
    ['PHP', 'a:1:{i:0;i:1;}', 'invalid_json', 'serialize()'],
    ['YAML', '---\nevent: a', 'invalid_json', 'looks like YAML'],
    ['base64', Buffer.from('{"event":"a"}').toString('base64'), 'invalid_json', 'looks like base64'],
  ])('%s is named', (_, input, reason, hint) => {
    expect(refuse(input)).toMatchObject({ reason, error: expect.stringContaining(hint) });
  });
});

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

describe('event', () => {
  it('missing', () => {
    expect(reasonOf('{}')).toBe('missing_event');
    expect(refuse('{"payload":1,"meta":{"event_id":"x"}}')).toMatchObject({ reason: 'missing_event', eventId: 'x' });
  });

  it.each(['""', '" "', '"   "'])('empty or only spaces: %s', (event) => {
    expect(reasonOf(`{"event":${event}}`)).toBe('invalid_event');
  });

  it.each(['5', 'null', 'true', '["a"]', '{}', '{"toString":"a"}'])('not a text: %s', (event) => {
    expect(reasonOf(`{"event":${event}}`)).toBe('invalid_event');
  });

  it('at most 255 bytes, not characters', () => {
    expect(read(`{"event":"${'x'.repeat(255)}"}`).event).toHaveLength(255);
    expect(reasonOf(`{"event":"${'x'.repeat(256)}"}`)).toBe('invalid_event');
    expect(read(`{"event":"${'€'.repeat(85)}"}`).event).toHaveLength(85);
    expect(reasonOf(`{"event":"${'€'.repeat(86)}"}`)).toBe('invalid_event');
    expect(reasonOf(`{"event":"${'é'.repeat(128)}"}`)).toBe('invalid_event');
    for (const char of ['x', '🎉', ' ', '\u202e'])
      expect(reasonOf(`{"event":"${char.repeat(200_000)}"}`)).toBe('invalid_event');
  });

  it.each([' ', '\\t', '\\n', '\\r', '\u00a0', '\u2003', '\\u2028', '\\u0085'])('white space %j', (space) => {
    expect(reasonOf(`{"event":"a${space}b"}`)).toBe('invalid_event');
  });

  it.each(['\\u001b', '\\u007f', '\\u009b', '\u202e', '\u2066', '\u200b', '\u200d', '\u00ad', '\ufeff', '\u{e0041}'])(
    'the invisible character %j, which the error does not repeat',
    (char) => {
      const { reason, error } = refuse(`{"event":"a${char}b"}`);
      expect(reason).toBe('invalid_event');
      expect(error).toMatch(/^\P{C}+$/u);
    },
  );

  it.each(['..', 'a/../b', '/etc/passwd', 'App\\Events\\OrderCreated'])('%s is a name, never a path', (name) => {
    expect(read(JSON.stringify({ event: name })).event).toBe(name);
  });

  it('a star stands for patterns only; # > ? are characters', () => {
    for (const name of ['*', 'order.*', '*.created']) expect(reasonOf(`{"event":"${name}"}`)).toBe('invalid_event');
    for (const name of ['order#1', 'a>b', 'why?']) expect(read(`{"event":"${name}"}`).event).toBe(name);
  });

  it('names are told apart by their characters, exactly', () => {
    expect(read('{"event":"Order"}').event).toBe('Order');
    expect(read('{"event":"e\u0301"}').event).toBe('e\u0301');
    expect(read('{"event":"\u00e9"}').event).toBe('\u00e9');
  });

  it.each<[string, object, string]>([
    ['Sidekiq', { class: 'Hard', args: [], jid: 'x' }, 'looks like a Sidekiq job'],
    ['Resque', { class: 'Hard', args: [] }, 'looks like a Resque or Sidekiq job'],
    ['Laravel', { uuid: 'x', displayName: 'X', job: 'Y@call', data: {} }, 'looks like a Laravel job'],
    ['Celery', { body: 'W10=', headers: {}, properties: {} }, 'looks like a Celery task'],
    ['Bull', { name: 'x', data: {}, opts: {} }, 'looks like a Bull job'],
    ['Symfony', { body: '', headers: {} }, 'looks like a Symfony Messenger message'],
    ['another case', { Event: 'a' }, 'field "Event"'],
    ['another name', { type: 'a', data: {} }, 'field "type"'],
  ])('shaped for %s', (_, value, hint) => {
    expect(refuse(JSON.stringify(value))).toMatchObject({
      reason: 'missing_event',
      error: expect.stringContaining(hint),
    });
  });

  it('a payload alone, as the binary mode of CloudEvents has it', () => {
    expect(reasonOf('{"order_id":123}')).toBe('missing_event');
  });
});

describe('payload', () => {
  it('missing is {}', () => {
    expect(read('{"event":"a"}').payload).toEqual({});
  });

  it.each(['null', '5', '"x"', 'false', '[]', '{}'])('%s is a payload', (payload) => {
    expect(read(`{"event":"a","payload":${payload}}`).payload).toEqual(JSON.parse(payload));
  });
});

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

describe('CloudEvents', () => {
  const base = '"specversion":"1.0","type":"a","source":"/s","id":"i","time":"2026-01-01T00:00:00Z"';
  const payloadOf = (fields: string): unknown => read(`{${base},${fields}}`).payload;

  it('attributes become the envelope', () => {
    expect(read(`{${base},"subject":"x","traceparent":"t","correlationid":"c","data":{"n":1}}`)).toEqual({
      event: 'a',
      payload: { n: 1 },
      meta: {
        event_id: 'i',
        timestamp: '2026-01-01T00:00:00Z',
        source: '/s',
        specversion: '1.0',
        subject: 'x',
        traceparent: 't',
        correlation_id: 'c',
      },
    });
  });

  it('an extension that says when it is due is held to what meta is', () => {
    expect(read(`{${base},"deliver_at":1767225600}`).meta.deliver_at).toBe('2026-01-01T00:00:00.000Z');
    expect(refuse(`{${base},"expires_at":"soon"}`)).toMatchObject({ reason: 'invalid_meta', event: 'a', eventId: 'i' });
  });

  it('missing id and time are filled in', () => {
    expect(read('{"specversion":"1.0","type":"a"}').meta).toMatchObject({
      event_id: metaOf('{}').event_id,
      timestamp: PUBLISHED,
    });
  });

  it('data_base64', () => {
    const encoded = (text: string): string => JSON.stringify(Buffer.from(text).toString('base64'));
    const json = '"datacontenttype":"application/json"';
    expect(payloadOf(`${json},"data_base64":${encoded('{"n":1}')}`)).toEqual({ n: 1 });
    expect(payloadOf(`"data_base64":${encoded('[1]')}`)).toEqual([1]);
    expect(payloadOf(`"data_base64":${encoded('null')}`)).toBe(null);
    expect(payloadOf(`"data_base64":${encoded('text')}`)).toEqual({ data_base64: JSON.parse(encoded('text')) });
    expect(payloadOf(`"datacontenttype":"text/plain","data_base64":${encoded('5')}`)).toEqual({
      data_base64: JSON.parse(encoded('5')),
    });
    expect(payloadOf('"data_base64":5')).toEqual({ data_base64: 5 });
    expect(payloadOf('"data":1,"data_base64":"Mg=="')).toBe(1);
    expect(payloadOf('"data":null,"data_base64":"Mg=="')).toBe(null);
    expect(reasonOf(`{${base},${json},"data_base64":"%%"}`)).toBe('invalid_json');
    expect(reasonOf(`{${base},"data_base64":${encoded('['.repeat(500))}}`)).toBe('too_deep');
  });

  it.each(['"0.3"', '"1.1"', '"2.0"', '1.0', 'null', '{}'])('specversion %s is not supported', (version) => {
    const answer = refuse(`{"specversion":${version},"type":"a","id":"i"}`);
    expect(answer).toMatchObject({ reason: 'unsupported_cloudevent', event: 'a', eventId: 'i' });
  });

  it('a type that is missing or no name', () => {
    expect(reasonOf('{"specversion":"1.0"}')).toBe('missing_event');
    expect(reasonOf('{"specversion":"1.0","type":5}')).toBe('invalid_event');
    expect(refuse('{"specversion":"0.1","type":"a b","id":5}')).toMatchObject({ event: undefined, eventId: undefined });
  });

  it('an event as text makes it an envelope', () => {
    expect(read(`{${base},"event":"native","payload":1,"data":2}`)).toMatchObject({ event: 'native', payload: 1 });
    expect(read(`{${base},"event":5,"data":2}`)).toMatchObject({ event: 'a', payload: 2, meta: { event: 5 } });
    expect(reasonOf(`{${base},"event":"not a name"}`)).toBe('invalid_event');
  });
});
