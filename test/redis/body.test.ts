import { describe, expect, it } from 'vitest';
import { argumentOf } from '../../src/redis/redis-body.js';

/** The bytes that the client sends of it. */
function sent(body: Uint8Array): Buffer {
  return Buffer.from(argumentOf(body));
}

describe('a body on its way to Redis', () => {
  it('is a text when it is nothing but ASCII, control characters included', () => {
    const ascii = Uint8Array.from({ length: 128 }, (_, byte) => byte);
    expect(argumentOf(ascii)).toBe(String.fromCharCode(...ascii));
  });

  it('stays bytes when it is not, valid UTF-8 or no', () => {
    for (const body of [Buffer.from('{"a":"ü𝄞"}'), Buffer.from([0x7b, 0xff, 0x7d]), Buffer.from([0xc3])]) {
      expect(argumentOf(body)).toBeInstanceOf(Buffer);
      expect(sent(body)).toEqual(body);
    }
  });

  it('keeps each of its bytes, whatever is beside it in memory', () => {
    for (let byte = 0; byte < 256; byte++) {
      const around = Uint8Array.of(0xff, 0x61, byte, 0x62, 0xff);
      expect([...sent(around.subarray(1, 4))]).toEqual([0x61, byte, 0x62]);
    }
    expect(sent(new Uint8Array(0))).toHaveLength(0);
  });
});
