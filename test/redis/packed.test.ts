import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { eachBody } from '../../src/redis/redis-packed.js';
import { someRedis } from '../brokers/redis.js';

const PACK = `local items = {}
for at = 1, #ARGV do items[at] = ARGV[at] end
if KEYS[1] then table.insert(items, 2, { 'a', ARGV[1] }) end
return cmsgpack.pack(items)`;

async function packed(items: readonly Buffer[], withList = false): Promise<Buffer> {
  const server = await someRedis();
  onTestFinished(() => server.dispose());
  const redis = new Redis(server.url);
  onTestFinished(() => redis.disconnect());
  const keys = withList ? ['list'] : [];
  return (await redis.callBuffer('eval', PACK, keys.length, ...keys, ...items)) as Buffer;
}

function unpacked(bytes: Buffer): { body: Buffer; text: string | undefined }[] {
  const found: { body: Buffer; text: string | undefined }[] = [];
  eachBody(
    bytes,
    ({ bytes: all, text }, from, to) => found.push({ body: all.subarray(from, to), text: text?.slice(from, to) }),
    (fields) => Buffer.from(fields.join('=')),
  );
  return found;
}

test.each([1, 15, 16, 300])('a packed list of %i strings is read as it was, whatever their lengths', async (count) => {
  const lengths = [0, 1, 31, 32, 127, 128, 200, 255, 256, 65_535, 65_536, 200_000];
  const items = Array.from({ length: count }, (_, n) => Buffer.alloc(lengths[n % 9] ?? 0, 'x'));
  if (count > 15) for (const length of lengths) items.push(Buffer.alloc(length, 'y'));
  const read = unpacked(await packed(items));
  expect(read.map(({ body }) => body.toString())).toEqual(items.map(String));
  expect(read.every(({ body, text }) => text === body.toString())).toBe(true);
});

test('an empty list has nothing in it', async () => {
  expect(unpacked(await packed([]))).toEqual([]);
});

test('beside what is not ASCII there is no text, only bytes', async () => {
  const items = [Buffer.from('plain'), Buffer.from('grün'), Buffer.from([0xff, 0xfe, 0x00, 0x80])];
  const read = unpacked(await packed(items));
  expect(read.map(({ body }) => body)).toEqual(items);
  expect(read.map(({ text }) => text)).toEqual([undefined, undefined, undefined]);
});

test('a list among the strings is taken as a whole, in its place', async () => {
  const read = unpacked(await packed(['first', 'last'].map(Buffer.from), true));
  expect(read.map(({ body }) => body.toString())).toEqual(['first', 'a=first', 'last']);
});
