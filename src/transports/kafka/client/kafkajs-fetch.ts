import { AnswerReader } from './kafka-answer.js';
import { type Aborted, type BatchReaderParts, readBatches } from './kafka-batches.js';
import { type Fetched, KafkaFailure, type KafkaRecord, type Place, UNREADABLE } from '../kafka-client.js';
import { byTopic, Writer } from './kafka-writer.js';
import { ask, type Throttled } from './kafkajs-ask.js';
import {
  apiKeys,
  Decoder,
  decodeMessageSet,
  errorOfCode,
  lookupCodecByAttributes,
  type RawBroker,
  type RawMessage,
} from './kafkajs-parts.js';

/** Transactions that were given up stay invisible. */
export const READ_COMMITTED = 1;

/**
 * Of one partition at a time; a larger record comes whole. Little enough for the first event not to wait until thousands are
 * read, and for the most of what is read to be handled before it grows old in memory.
 */
const PARTITION_BYTES = 256 * 1024;
const ALL_BYTES = 8 * 1024 * 1024;

/** Of the protocol: known from Kafka 2.1 to 4. */
const VERSION = 10;

const REQUEST_BYTES = 64;
const PLACE_BYTES = 40;

type Wanted = Place & { readonly offset: number };

interface Partition {
  readonly partition: number;
  readonly aborted: readonly Aborted[];
  readonly bytes: Buffer;
}

interface Answer extends Throttled {
  readonly errorCode: number;
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly Partition[] }[];
}

/**
 * Asked and read without kafkajs, which makes a dozen objects for each record, of which one is needed. Places where nothing
 * is new are not in the answer.
 * @throws kafkajs's error for the first place that is refused
 */
export async function fetchFrom(
  broker: RawBroker,
  places: readonly Wanted[],
  waitMs: number,
): Promise<readonly Fetched[]> {
  const bytes = questionOf(places, waitMs);
  const { topics, errorCode } = await ask(broker, {
    name: 'Fetch',
    key: apiKeys.Fetch,
    version: VERSION,
    bytes,
    read: answerOf,
  });
  if (errorCode !== 0) throw errorOfCode(errorCode);
  const fetched: Fetched[] = [];
  for (const { topic, partitions } of topics) {
    for (const { partition, bytes, aborted } of partitions) {
      const asked = places.find((place) => place.partition === partition && place.topic === topic);
      if (!asked || bytes.length === 0) continue;
      const { offset } = asked;
      const { records, next = offset } = await read({ topic, partition }, bytes, offset, aborted);
      fetched.push({ topic, partition, records, next: Math.max(offset, next) });
    }
  }
  return fetched;
}

function questionOf(places: readonly Wanted[], waitMs: number): Buffer {
  const topics = byTopic(turned(places));
  const to = new Writer(REQUEST_BYTES + PLACE_BYTES * (topics.size + places.length));
  // No replica; then no session, which would keep what was asked in the broker's memory.
  to.int32(-1);
  to.int32(waitMs);
  to.int32(1);
  to.int32(ALL_BYTES);
  to.int8(READ_COMMITTED);
  to.int32(0);
  to.int32(-1);
  to.int32(topics.size);
  for (const [topic, own] of topics) {
    to.string(topic);
    to.int32(own.length);
    for (const { partition, offset } of own) {
      to.int32(partition);
      // Whoever leads it, since whenever.
      to.int32(-1);
      to.int64(offset);
      to.int64(-1);
      to.int32(PARTITION_BYTES);
    }
  }
  to.int32(0);
  return to.bytes;
}

/** A broker fills an answer in the order of the question: none is the first each time. */
function turned(places: readonly Wanted[]): readonly Wanted[] {
  const first = Math.floor(Math.random() * places.length);
  return [...places.slice(first), ...places.slice(0, first)];
}

async function read(place: Place, bytes: Buffer, offset: number, aborted: readonly Aborted[]) {
  try {
    return await readBatches(bytes, offset, aborted, READERS);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new KafkaFailure(UNREADABLE, error.message, false, place, { cause: error });
  }
}

export const READERS: BatchReaderParts = {
  async unpack(packed, attributes) {
    try {
      return await lookupCodecByAttributes(attributes)?.decompress(packed);
    } catch (error) {
      if (error instanceof Error && error.name === 'KafkaJSPartialMessageError') return undefined;
      throw error;
    }
  },
  async old(bytes) {
    const messages = await decodeMessageSet(new Decoder(bytes), bytes.length);
    return messages.map(recordOf);
  },
};

function recordOf({ offset, timestamp = '-1', key, value }: RawMessage): KafkaRecord {
  return { offset: Number(offset), timestamp: Number(timestamp), key, value, headers: {} };
}

function answerOf(bytes: Buffer): Answer {
  const reader = new AnswerReader(bytes);
  const clientSideThrottleTime = reader.int32();
  let errorCode = reader.int16();
  // The session that there is not.
  reader.at += 4;
  const topics = reader.array(() => ({
    topic: reader.string(),
    partitions: reader.array(() => {
      const partition = reader.int32();
      const code = reader.int16();
      if (errorCode === 0) errorCode = code;
      // High watermark, last stable offset, start of the log.
      reader.at += 3 * 8;
      const aborted = reader.array(() => ({ producer: reader.bigint(), from: reader.int64() }));
      return { partition, aborted, bytes: reader.bytes() };
    }),
  }));
  return { clientSideThrottleTime, errorCode, topics };
}
