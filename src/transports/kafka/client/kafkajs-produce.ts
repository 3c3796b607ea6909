import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { AnswerReader } from './kafka-answer.js';
import { batchBytes, type BatchOrigin, type BatchWriterParts, writeBatch } from './kafka-batch-writer.js';
import type { OutgoingRecord, Place } from '../kafka-client.js';
import { byTopic, Writer } from './kafka-writer.js';
import { ask, type Throttled } from './kafkajs-ask.js';
import { apiKeys, crc32C, errorOfCode, type RawBroker } from './kafkajs-parts.js';

/** All replicas that are in sync have it. */
const ALL = -1;

/** Of the protocol: known from Kafka 2.1 to 4. */
const VERSION = 7;

const REQUEST_BYTES = 40;

/** What one partition is to take. */
export interface Batch extends Place {
  readonly records: OutgoingRecord[];
  readonly origin: BatchOrigin;
}

export const PLAIN: BatchWriterParts = { checksum: crc32C, gzip: undefined };
export const PACKED: BatchWriterParts = { checksum: crc32C, gzip: promisify<Buffer, Buffer>(gzip) };

/**
 * Resolves when all of them are confirmed.
 * @throws kafkajs's error for the first that is refused
 */
export async function produceTo(
  broker: RawBroker,
  batches: readonly Batch[],
  timeoutMs: number,
  parts: BatchWriterParts,
): Promise<void> {
  const bytes = await questionOf(batches, timeoutMs, parts);
  const { errorCode } = await ask(broker, {
    name: 'Produce',
    key: apiKeys.Produce,
    version: VERSION,
    bytes,
    read: answerOf,
  });
  if (errorCode !== 0) throw errorOfCode(errorCode);
}

async function questionOf(batches: readonly Batch[], timeoutMs: number, parts: BatchWriterParts): Promise<Buffer> {
  let expected = REQUEST_BYTES;
  for (const { topic, records } of batches) expected += REQUEST_BYTES + topic.length + batchBytes(records);
  const to = new Writer(expected);
  // No transaction.
  to.int16(-1);
  to.int16(ALL);
  to.int32(timeoutMs);
  const topics = byTopic(batches);
  to.int32(topics.size);
  for (const [topic, own] of topics) {
    to.string(topic);
    to.int32(own.length);
    for (const { partition, records, origin } of own) {
      to.int32(partition);
      const length = to.int32(0);
      await writeBatch(to, records, origin, parts);
      to.put(length, to.at - length - 4);
    }
  }
  return to.bytes;
}

function answerOf(bytes: Buffer): Throttled & { readonly errorCode: number } {
  const reader = new AnswerReader(bytes);
  let errorCode = 0;
  reader.array(() => {
    reader.string();
    reader.array(() => {
      reader.at += 4;
      const code = reader.int16();
      if (errorCode === 0) errorCode = code;
      // First offset, time of the broker, start of the log.
      reader.at += 3 * 8;
    });
  });
  return { errorCode, clientSideThrottleTime: reader.int32() };
}
