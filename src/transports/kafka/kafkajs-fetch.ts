import { type Aborted, type BatchReaderParts, int64, readBatches } from './kafka-batches.js';
import { type Fetched, KafkaFailure, type KafkaRecord, type Place, placeKey, UNREADABLE } from './kafka-client.js';
import {
  apiKeys,
  Decoder,
  decodeMessageSet,
  lookupCodecByAttributes,
  type RawBroker,
  type RawMessage,
  requests,
} from './kafkajs-parts.js';

/** Transactions that were given up stay invisible. */
export const READ_COMMITTED = 1;

/** Of one partition at a time; a larger record comes whole. */
const PARTITION_BYTES = 1024 * 1024;
const ALL_BYTES = 8 * 1024 * 1024;

type Wanted = Place & { readonly offset: number };

interface Partition {
  readonly partition: number;
  readonly errorCode: number;
  readonly aborted: readonly Aborted[];
  readonly bytes: Buffer;
}

interface Answer {
  readonly throttleTime: number;
  readonly clientSideThrottleTime: number;
  readonly responses: readonly { readonly topicName: string; readonly partitions: readonly Partition[] }[];
}

/**
 * Asks as kafkajs does, and reads the answer itself: kafkajs makes a dozen objects for each record, of which one is needed.
 */
export async function fetchFrom(
  broker: RawBroker,
  places: readonly Wanted[],
  waitMs: number,
): Promise<readonly Fetched[]> {
  const question = broker.lookupRequest(
    apiKeys.Fetch,
    requests.Fetch,
  )({
    isolationLevel: READ_COMMITTED,
    maxWaitTime: waitMs,
    minBytes: 1,
    maxBytes: ALL_BYTES,
    topics: byTopic(places),
  });
  const { apiVersion } = question.request;
  const response = { ...question.response, decode: async (bytes: Buffer) => answerOf(bytes, apiVersion) };
  const { responses } = await send<Answer>(broker, { ...question, response });
  const offsets = new Map(places.map((place) => [placeKey(place), place.offset]));
  const fetched: Fetched[] = [];
  for (const { topicName: topic, partitions } of responses) {
    for (const { partition, bytes, aborted } of partitions) {
      const offset = offsets.get(placeKey({ topic, partition })) ?? 0;
      const { records, next = offset } = await read({ topic, partition }, bytes, offset, aborted);
      fetched.push({ topic, partition, records, next: Math.max(offset, next) });
    }
  }
  return fetched;
}

/** A broker fills an answer in the order of the question: none is the first each time. */
function byTopic(places: readonly Wanted[]) {
  const topics = new Map<string, { partition: number; fetchOffset: string; maxBytes: number }[]>();
  const first = Math.floor(Math.random() * places.length);
  for (const { topic, partition, offset } of [...places.slice(first), ...places.slice(0, first)]) {
    let partitions = topics.get(topic);
    if (!partitions) topics.set(topic, (partitions = []));
    partitions.push({ partition, fetchOffset: String(offset), maxBytes: PARTITION_BYTES });
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}

/** As kafkajs's broker does, whose own way to send is private. */
async function send<Result>(broker: RawBroker, question: unknown): Promise<Result> {
  try {
    return await (broker.connectionPool.send(question) as Promise<Result>);
  } catch (error) {
    if (error instanceof Error && error.name === 'KafkaJSConnectionClosedError') await broker.disconnect();
    throw error;
  }
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

/** Fetch in its versions 8 to 11; Kafka 2.1 knows 10. */
function answerOf(bytes: Buffer, version: number): Answer {
  const reader = new AnswerReader(bytes);
  const clientSideThrottleTime = reader.int32();
  // Of the question as a whole, and its session: not asked for.
  reader.at += 2 + 4;
  const responses = reader.array(() => ({
    topicName: reader.string(),
    partitions: reader.array(() => {
      const partition = reader.int32();
      const errorCode = reader.int16();
      // High watermark, last stable offset, start of the log.
      reader.at += 3 * 8;
      const aborted = reader.array(() => ({ producer: reader.bigint(), from: reader.int64() }));
      if (version >= 11) reader.at += 4;
      return { partition, errorCode, aborted, bytes: reader.bytes() };
    }),
  }));
  return { throttleTime: 0, clientSideThrottleTime, responses };
}

class AnswerReader {
  at = 0;

  constructor(private readonly from: Buffer) {}

  int16(): number {
    return this.from.readInt16BE(this.#past(2));
  }

  int32(): number {
    return this.from.readInt32BE(this.#past(4));
  }

  int64(): number {
    return int64(this.from, this.#past(8));
  }

  bigint(): bigint {
    return this.from.readBigInt64BE(this.#past(8));
  }

  string(): string {
    return this.#slice(this.int16()).toString();
  }

  bytes(): Buffer {
    return this.#slice(this.int32());
  }

  array<Item>(item: () => Item): readonly Item[] {
    const items: Item[] = [];
    for (let left = this.int32(); left > 0; left--) items.push(item());
    return items;
  }

  #slice(length: number): Buffer {
    const at = this.#past(Math.max(0, length));
    return this.from.subarray(at, this.at);
  }

  #past(length: number): number {
    const { at } = this;
    this.at += length;
    return at;
  }
}
