import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  type BatchOrigin,
  type BatchWriterParts,
  writeBatch,
} from '../../../src/transports/kafka/client/kafka-batch-writer.js';
import { readBatches } from '../../../src/transports/kafka/client/kafka-batches.js';
import type { OutgoingRecord } from '../../../src/transports/kafka/kafka-client.js';
import { fieldSize, sizeOf, Writer } from '../../../src/transports/kafka/client/kafka-writer.js';
import { READERS } from '../../../src/transports/kafka/client/kafkajs-fetch.js';
import { crc32C } from '../../../src/transports/kafka/client/kafkajs-parts.js';

const PLAIN: BatchWriterParts = { checksum: crc32C, gzip: undefined };
const PACKED: BatchWriterParts = { checksum: crc32C, gzip: promisify<Buffer, Buffer>(gzip) };
const ORIGIN: BatchOrigin = { producer: 2 ** 40 + 5, epoch: 3, sequence: 77, time: 1_700_000_000_123 };

test('whatever is written is what kafkajs writes, byte for byte', async () => {
  await fc.assert(
    fc.asyncProperty(records(), async (all) => {
      expect(await written(all, PLAIN)).toEqual(await byKafkajs(all));
    }),
    { numRuns: 200 },
  );
});

test('packed, it is read as it was', async () => {
  await fc.assert(
    fc.asyncProperty(records(), async (all) => {
      const packed = await readBatches(await written(all, PACKED), 0, [], READERS);
      const plain = await readBatches(await written(all, PLAIN), 0, [], READERS);
      expect(packed).toEqual(plain);
      expect(packed.records).toHaveLength(all.length);
    }),
    { numRuns: 50 },
  );
});

test('a number takes as many bytes as it is said to', () => {
  fc.assert(
    fc.property(fc.integer(), (value) => {
      const writer = new Writer(1);
      writer.number(value);
      expect(writer.at).toBe(sizeOf(value));
    }),
  );
  expect([-1, 0, 63, 64, -65, 2 ** 31 - 1].map(sizeOf)).toEqual([1, 1, 1, 2, 2, 5]);
  expect([null, Buffer.alloc(0), Buffer.alloc(64)].map(fieldSize)).toEqual([1, 1, 66]);
});

/** Into bytes that are too few from the start. */
async function written(all: readonly OutgoingRecord[], parts: BatchWriterParts): Promise<Buffer> {
  const writer = new Writer(1);
  await writeBatch(writer, all, ORIGIN, parts);
  return writer.bytes;
}

async function byKafkajs(all: readonly OutgoingRecord[]): Promise<Buffer> {
  const { RecordBatch } = part<{ RecordBatch: (batch: object) => Promise<{ buffer: Buffer }> }>('recordBatch/v0');
  const record = part<(record: object) => object>('recordBatch/record/v0');
  const { producer, epoch, sequence, time } = ORIGIN;
  const { buffer } = await RecordBatch({
    partitionLeaderEpoch: -1,
    firstTimestamp: time,
    maxTimestamp: time,
    producerId: producer,
    producerEpoch: epoch,
    firstSequence: sequence,
    lastOffsetDelta: all.length - 1,
    records: all.map(({ key, value, headers }, offsetDelta) => record({ key, value, headers, offsetDelta })),
  });
  return buffer;
}

const require = createRequire(import.meta.url);
const part = <Part>(path: string) => require(`kafkajs/src/protocol/${path}`) as Part;

function records(): fc.Arbitrary<OutgoingRecord[]> {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  const record = fc.record({
    topic: fc.constant('topic'),
    partition: fc.constant(0),
    key: fc.option(fc.oneof(bytes, text)),
    value: fc.option(bytes),
    headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 20 }), fc.oneof(bytes, text)),
  });
  return fc.array(record, { minLength: 1, maxLength: 200 });
}
