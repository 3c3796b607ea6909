import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type BatchReaderParts, readBatches } from '../../../src/transports/kafka/client/kafka-batches.js';
import type { KafkaRecord } from '../../../src/transports/kafka/kafka-client.js';
import { READERS } from '../../../src/transports/kafka/client/kafkajs-fetch.js';

const golden = JSON.parse(readFileSync(new URL('golden/golden.json', import.meta.url), 'utf8')) as Record<
  string,
  string
>;
const FAR = 2 ** 40;

describe('batches as Java writes them', () => {
  test.each(['plain', 'gzip'])('%s: keys, values, times and headers', async (name) => {
    const { records, next } = await read(java(name));
    expect(records.map(plain)).toEqual([
      { offset: FAR, timestamp: 1_700_000_000_000, key: 'key', value: 'value', headers: { a: '2', b: '' } },
      { offset: FAR + 1, timestamp: 1_699_999_000_000, key: null, value: 'x'.repeat(300), headers: {} },
      { offset: FAR + 2, timestamp: 1_700_000_000_005, key: 'gone', value: null, headers: {} },
      { offset: FAR + 3, timestamp: 1_800_000_000_000, key: '', value: '', headers: {} },
    ]);
    expect(next).toBe(FAR + 4);
  });

  test('a batch comes whole: what lies before the offset in it was not asked for', async () => {
    const { records } = await read(java('plain'), FAR + 2);
    expect(records.map(({ offset }) => offset)).toEqual([FAR + 2, FAR + 3]);
  });

  test('the time of the broker counts where the topic says so', async () => {
    const { records } = await read(java('stamped by the broker'));
    expect(new Set(records.map(({ timestamp }) => timestamp))).toEqual(new Set([1_750_000_000_000]));
  });

  test('what was given up is not to be seen, nor are the markers of transactions', async () => {
    const aborted = [{ producer: 11n, from: 0 }];
    const { records, next } = await readBatches(java('transactions'), 0, aborted, READERS);
    expect(records.map(({ value }) => String(value))).toEqual(['kept 1', 'plain 2', 'kept 5']);
    expect(next).toBe(8);
    const all = await read(java('transactions'));
    expect(all.records.map(({ offset }) => offset)).toEqual([0, 1, 2, 3, 5]);
  });

  test.each([
    ['v0', -1, -1],
    ['v1', 1_700_000_000_000, 1_700_000_000_001],
  ])('%s, from before Kafka 0.11', async (name, one, two) => {
    const { records, next } = await read(java(name));
    const [first, second] = records.map(plain);
    expect(first).toMatchObject({ key: 'key', value: 'one', timestamp: one, headers: {} });
    expect(second).toMatchObject({ key: null, value: 'two', timestamp: two });
    expect(next).toBe((records.at(-1)?.offset ?? 0) + 1);
  });
});

test('whatever kafkajs writes is read as kafkajs reads it', async () => {
  await fc.assert(
    fc.asyncProperty(batches(), async (all) => {
      const bytes = Buffer.concat(await Promise.all(all.map(written)));
      const { records, next } = await read(bytes);
      expect(records.map(plain)).toEqual(await readByKafkajs(bytes));
      const { offset, messages } = all.at(-1) as Batch;
      expect(next).toBe(offset + messages.length);
    }),
    { numRuns: 200 },
  );
});

test('cut anywhere, whole batches are read and the rest is asked for again', async () => {
  const all: Batch[] = [0, 2, 4].map((offset) => ({
    offset,
    isPacked: offset === 2,
    messages: [text('a'), text('b')],
  }));
  const parts = await Promise.all(all.map(written));
  const bytes = Buffer.concat(parts);
  for (let end = 0; end <= bytes.length; end++) {
    const whole = parts.filter((_, i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part.length, 0) <= end);
    const { records, next } = await read(bytes.subarray(0, end));
    expect(records.length).toBe(whole.length * 2);
    expect(next).toBe(whole.length === 0 ? undefined : whole.length * 2);
  }
});

test('what is not unpacked any more comes with the next answer', async () => {
  let unpacked = 0;
  const unpack = async (packed: Buffer) => (unpacked++ === 0 ? gunzipSync(packed) : undefined);
  const bytes = Buffer.concat(
    await Promise.all([0, 1].map((offset) => written({ offset, isPacked: true, messages: [text('a')] }))),
  );
  const { records, next } = await readBatches(bytes, 0, [], { ...READERS, unpack });
  expect([records.length, next]).toEqual([1, 1]);
});

test('damaged records are refused, and never read for ever', async () => {
  const bytes = await written({ offset: 0, isPacked: false, messages: [text('a'), text('b')] });
  const many = Buffer.from(bytes);
  many.writeInt32BE(2 ** 31 - 1, 57);
  await expect(read(many)).rejects.toThrow(RangeError);
  for (let at = 61; at < bytes.length; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at] = 0xff;
    await read(damaged).catch((error: unknown) => expect(error).toBeInstanceOf(RangeError));
  }
});

interface Message {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>;
}

interface Batch {
  readonly offset: number;
  readonly isPacked: boolean;
  readonly messages: readonly Message[];
}

const require = createRequire(import.meta.url);
const part = <Part>(path: string) => require(`kafkajs/src/protocol/${path}`) as Part;

async function written({ offset, isPacked, messages }: Batch): Promise<Buffer> {
  const { RecordBatch } = part<{ RecordBatch: (batch: object) => Promise<{ buffer: Buffer }> }>('recordBatch/v0');
  const record = part<(record: object) => object>('recordBatch/record/v0');
  const firstTimestamp = messages[0]?.timestamp ?? 0;
  const { buffer } = await RecordBatch({
    compression: isPacked ? 1 : 0,
    firstOffset: offset,
    firstTimestamp,
    maxTimestamp: Math.max(...messages.map(({ timestamp }) => timestamp)),
    lastOffsetDelta: messages.length - 1,
    records: messages.map(({ timestamp, ...rest }, i) =>
      record({ ...rest, offsetDelta: i, timestampDelta: timestamp - firstTimestamp }),
    ),
  });
  return buffer;
}

async function readByKafkajs(bytes: Buffer) {
  const Decoder = part<new (bytes: Buffer) => object>('decoder');
  const decodeMessages = part<(decoder: object) => Promise<Raw[]>>('requests/fetch/v4/decodeMessages');
  const size = Buffer.alloc(4);
  size.writeInt32BE(bytes.length);
  const raw = await decodeMessages(new Decoder(Buffer.concat([size, bytes])));
  return raw.map(({ offset, timestamp, key, value, headers }) =>
    plain({
      offset: Number(offset),
      timestamp: Number(timestamp),
      key,
      value,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, of]) => [name, (Array.isArray(of) ? of.at(-1) : of) as Buffer]),
      ),
    }),
  );
}

interface Raw {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>;
}

function batches(): fc.Arbitrary<Batch[]> {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const message = fc.record({
    key: fc.option(bytes),
    value: fc.option(bytes),
    timestamp: fc.integer({ min: 0, max: 2 ** 44 }),
    headers: fc.dictionary(
      fc.string({ minLength: 1, maxLength: 20 }),
      fc.oneof(bytes, fc.array(bytes, { minLength: 1 })),
    ),
  });
  const batch = fc.record({ isPacked: fc.boolean(), messages: fc.array(message, { minLength: 1, maxLength: 20 }) });
  return fc.tuple(fc.nat(2 ** 45), fc.array(batch, { minLength: 1, maxLength: 4 })).map(([start, all]) => {
    let offset = start;
    return all.map((one) => {
      const placed = { ...one, offset };
      offset += one.messages.length;
      return placed;
    });
  });
}

function read(bytes: Buffer, from = 0, parts: BatchReaderParts = READERS) {
  return readBatches(bytes, from, [], parts);
}

function java(name: string): Buffer {
  return Buffer.from(golden[name] as string, 'base64');
}

function text(value: string): Message {
  return { key: null, value: Buffer.from(value), timestamp: 1_700_000_000_000, headers: {} };
}

function plain({ offset, timestamp, key, value, headers }: KafkaRecord) {
  const named = Object.entries(headers).map(([name, of]) => [name, of.toString('latin1')] as const);
  return {
    offset,
    timestamp,
    key: key && key.toString('latin1'),
    value: value && value.toString('latin1'),
    headers: Object.fromEntries(named),
  };
}
