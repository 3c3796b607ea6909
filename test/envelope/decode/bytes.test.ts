import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/envelope/index.js';
import { type Input, origin, read, reasonOf, refuse } from './reading.js';

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
