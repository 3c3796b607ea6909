import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import { compress as lz4Packed } from 'lz4js';
import snappyjs from 'snappyjs';
import { expect, test } from 'vitest';
import { gzip, lz4, snappy, TooLarge, type Unpack, zstd } from '../../../src/transports/kafka/client/kafka-unpack.js';
import { mendCodecs } from '../../../src/transports/kafka/client/kafkajs-codecs.js';

// What producers write is read in compression.test.ts. These are the batches that none of them writes.

const KIB = 1024;
const MOST = 256 * KIB;
const zeros = Buffer.alloc(MOST + 1);

const ALL: Readonly<Record<string, { readonly unpack: Unpack; readonly pack: (bytes: Buffer) => Buffer }>> = {
  gzip: { unpack: gzip, pack: (bytes) => gzipSync(bytes) },
  snappy: { unpack: snappy, pack: (bytes) => Buffer.from(snappyjs.compress<Uint8Array>(bytes)) },
  'snappy in the frame of Java': { unpack: snappy, pack: (bytes) => xerial(bytes, 32 * KIB) },
  lz4: { unpack: lz4, pack: (bytes) => Buffer.from(lz4Packed(bytes)) },
  zstd: { unpack: zstd, pack: (bytes) => zstdOfRuns(bytes) },
};

test.each(Object.entries(ALL))('%s: as much as is permitted, and not a byte more', async (_, { unpack, pack }) => {
  expect((await unpack(pack(zeros.subarray(1)), MOST)).equals(zeros.subarray(1))).toBe(true);
  await expect(unpack(pack(zeros), MOST)).rejects.toThrow(TooLarge);
});

test.each(Object.entries(ALL))('%s: whatever it is, it ends, within bounds', async (_, { unpack, pack }) => {
  const whole = pack(Buffer.from('{"event":"order_created"}'.repeat(100)));
  const damage = fc.record({ at: fc.nat(whole.length - 1), byte: fc.nat(255), end: fc.nat(whole.length) });
  await fc.assert(
    fc.asyncProperty(fc.array(damage, { maxLength: 4 }), async (damages) => {
      let bytes = Buffer.from(whole);
      for (const { at, byte, end } of damages) {
        bytes[at % bytes.length] = byte;
        if (byte % 4 === 0) bytes = bytes.subarray(0, Math.max(1, end));
      }
      const unpacked = await unpack(bytes, MOST).catch((error: unknown) => error);
      if (Buffer.isBuffer(unpacked)) expect(unpacked.length).toBeLessThanOrEqual(MOST);
      else expect(unpacked).toBeInstanceOf(Error);
    }),
    { numRuns: 500 },
  );
});

test('zstd: a frame that looks back a gigabyte is given what it holds, the second as the first', async () => {
  const greedy = (text: string) => {
    const frame = zstdOfRuns(Buffer.from(text));
    frame[5] = 20 << 3;
    return frame;
  };
  const before = process.memoryUsage().arrayBuffers;
  expect(String(await zstd(Buffer.concat([greedy('aab'), greedy('bcc')]), MOST))).toBe('aabbcc');
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * KIB * KIB);
});

test('zstd: one segment of a gigabyte is refused before there is room for it', async () => {
  const flags = (2 << 6) | 0x20;
  const greedy = Buffer.of(0x28, 0xb5, 0x2f, 0xfd, flags, 0x00, 0x00, 0x00, 0x40, 0x01, 0x00, 0x00);
  await expect(zstd(greedy, MOST)).rejects.toThrow(TooLarge);
});

test('lz4: sums of blocks and the size of all are passed over, whatever they say', async () => {
  const frame = Buffer.from(lz4Packed(Buffer.from('four '.repeat(4))));
  const block = frame.subarray(7, -4);
  const flags = frame.readUInt8(4) | 0x18;
  const head = Buffer.of(...frame.subarray(0, 4), flags, frame.readUInt8(5), ...Buffer.alloc(8, 0xff), 0);
  expect(String(await lz4(Buffer.concat([head, block, Buffer.alloc(4, 0xff), Buffer.alloc(4)]), MOST))).toBe(
    'four '.repeat(4),
  );
});

test('of one answer no more is unpacked than a bound; the rest is left as if it had not come', async () => {
  mendCodecs();
  const { GZIP } = kafkajs.CompressionTypes;
  const codec = kafkajs.CompressionCodecs[GZIP]() as { decompress(packed: Buffer): Promise<Buffer> };
  const bomb = gzipSync(Buffer.alloc(20 * KIB * KIB));
  const answer = Buffer.from(new ArrayBuffer(3 * bomb.length));
  const [first, second, third] = [0, 1, 2].map((i) => {
    bomb.copy(answer, i * bomb.length);
    return answer.subarray(i * bomb.length, (i + 1) * bomb.length);
  }) as [Buffer, Buffer, Buffer];
  await codec.decompress(first);
  await codec.decompress(second);
  await expect(codec.decompress(third)).rejects.toMatchObject({ name: 'KafkaJSPartialMessageError' });
  expect(await codec.decompress(bomb), 'in an answer of its own').toHaveLength(20 * KIB * KIB);
});

function xerial(bytes: Buffer, size: number): Buffer {
  const parts = [Buffer.from('\x82SNAPPY\0', 'latin1'), Buffer.of(0, 0, 0, 1, 0, 0, 0, 1)];
  for (let at = 0; at < bytes.length; at += size) {
    const block = Buffer.from(snappyjs.compress<Uint8Array>(bytes.subarray(at, at + size)));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

/** A frame that does not say how much it holds: blocks of one byte, repeated. */
function zstdOfRuns(bytes: Buffer): Buffer {
  const parts = [Buffer.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3)];
  for (let at = 0; at < bytes.length; ) {
    let end = at + 1;
    while (end < bytes.length && bytes[end] === bytes[at] && end - at < 128 * KIB) end++;
    const head = Buffer.alloc(3);
    head.writeUIntLE(((end - at) << 3) | (1 << 1) | (end === bytes.length ? 1 : 0), 0, 3);
    parts.push(head, Buffer.of(bytes[at] as number));
    at = end;
  }
  return Buffer.concat(parts);
}
