import type { KafkaRecord } from '../kafka-client.js';

/** A transaction that was given up: what its producer wrote from there on, up to the marker of its end, is not to be seen. */
export interface Aborted {
  readonly producer: bigint;
  readonly from: number;
}

export interface BatchReaderParts {
  /** What a batch was packed with is told by its attributes. Undefined: what was packed later comes with the next answer. */
  readonly unpack: (packed: Buffer, attributes: number) => Promise<Buffer | undefined>;
  /** Formats before Kafka 0.11. */
  readonly old: (bytes: Buffer) => Promise<readonly KafkaRecord[]>;
}

export interface ReadBatches {
  readonly records: readonly KafkaRecord[];
  /** One past the last offset that was looked at, records or not; undefined: not one whole batch is there. */
  readonly next: number | undefined;
}

// Of a batch: FirstOffset int64, Length int32, LeaderEpoch int32, Magic int8, CRC int32, Attributes int16,
// LastOffsetDelta int32, FirstTimestamp int64, MaxTimestamp int64, ProducerId int64, ProducerEpoch int16, FirstSequence int32,
// and how many records, int32.
const LENGTH = 8;
const AFTER_LENGTH = 12;
const MAGIC = 16;
const ATTRIBUTES = 21;
const LAST_DELTA = 23;
const FIRST_TIME = 27;
const LAST_TIME = 35;
const PRODUCER = 43;
const COUNT = 57;
const RECORDS = 61;

const PACKED = 0x07;
const BROKERS_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;

const EMPTY = Buffer.alloc(0);
const NO_HEADERS: KafkaRecord['headers'] = {};

/** The records of one partition in an answer, from `from` on. The last batch may not have come whole: it is not looked at. */
export async function readBatches(
  bytes: Buffer,
  from: number,
  aborted: readonly Aborted[],
  { unpack, old }: BatchReaderParts,
): Promise<ReadBatches> {
  const records: KafkaRecord[] = [];
  const unseen = new Unseen(aborted);
  let next: number | undefined;
  for (let at = 0; at + RECORDS <= bytes.length; ) {
    const end = at + AFTER_LENGTH + bytes.readInt32BE(at + LENGTH);
    if (bytes[at + MAGIC] !== 2) return withOld(records, next, await old(bytes.subarray(at)), from);
    if (end > bytes.length || end < at + RECORDS) break;
    const attributes = bytes.readInt16BE(at + ATTRIBUTES);
    const first = int64(bytes, at);
    const last = first + bytes.readInt32BE(at + LAST_DELTA);
    if (unseen.shows(bytes, at, last, attributes) && last >= from) {
      const packed = bytes.subarray(at + RECORDS, end);
      const plain = attributes & PACKED ? await unpack(packed, attributes) : packed;
      if (!plain) break;
      const isBrokersTime = (attributes & BROKERS_TIME) !== 0;
      const time = int64(bytes, at + (isBrokersTime ? LAST_TIME : FIRST_TIME));
      readRecords(records, plain, bytes.readInt32BE(at + COUNT), { first, from, time, isBrokersTime });
    }
    next = last + 1;
    at = end;
  }
  return { records, next };
}

function withOld(
  records: KafkaRecord[],
  next: number | undefined,
  more: readonly KafkaRecord[],
  from: number,
): ReadBatches {
  for (const record of more) if (record.offset >= from) records.push(record);
  const last = more.at(-1);
  return { records, next: last ? last.offset + 1 : next };
}

/** Who has an open transaction that will have been given up. */
class Unseen {
  readonly #coming: Aborted[];
  readonly #open = new Set<bigint>();

  constructor(aborted: readonly Aborted[]) {
    this.#coming = [...aborted].sort((a, b) => a.from - b.from);
  }

  /** Batch by batch, in order. @returns whether its records are to be seen */
  shows(bytes: Buffer, at: number, last: number, attributes: number): boolean {
    const isControl = (attributes & CONTROL) !== 0;
    if (this.#coming.length + this.#open.size === 0) return !isControl;
    while (this.#coming[0] && this.#coming[0].from <= last) this.#open.add((this.#coming.shift() as Aborted).producer);
    if ((attributes & TRANSACTIONAL) === 0) return !isControl;
    const producer = bytes.readBigInt64BE(at + PRODUCER);
    // Its transaction ends here, and this one was given up.
    if (isControl) this.#open.delete(producer);
    return !isControl && !this.#open.has(producer);
  }
}

interface BatchFacts {
  readonly first: number;
  readonly from: number;
  readonly time: number;
  readonly isBrokersTime: boolean;
}

// Of a record: Length, Attributes int8, TimestampDelta, OffsetDelta, Key, Value, how many headers, and of each its name and its
// value: all of them numbers of one byte or more, and bytes with their length before them.
function readRecords(records: KafkaRecord[], bytes: Buffer, count: number, facts: BatchFacts): void {
  const { first, from, time, isBrokersTime } = facts;
  const reader = new Reader(bytes);
  for (let i = 0; i < count; i++) {
    const length = reader.number();
    const end = reader.at + length;
    if (length < 0 || end > bytes.length) throw new RangeError('a record goes beyond the end of its batch');
    reader.at++;
    const timeDelta = reader.number();
    const offset = first + reader.number();
    if (offset >= from) {
      const timestamp = isBrokersTime ? time : time + timeDelta;
      records.push({ offset, timestamp, key: reader.bytes(), value: reader.bytes(), headers: headersIn(reader, end) });
    }
    reader.at = end;
  }
}

/** Of a header that is there twice the last one counts. */
function headersIn(reader: Reader, end: number): KafkaRecord['headers'] {
  const count = reader.number();
  if (count <= 0) return NO_HEADERS;
  const headers = Object.create(null) as Record<string, Buffer>;
  for (let i = 0; i < count && reader.at < end; i++) {
    const name = reader.bytes() ?? EMPTY;
    headers[name.toString()] = reader.bytes() ?? EMPTY;
  }
  return headers;
}

class Reader {
  at = 0;

  constructor(private readonly from: Buffer) {}

  /** Seven bits a byte, the low ones first; the lowest of all says whether it is negative. */
  number(): number {
    const { from } = this;
    let byte = from[this.at++] ?? 0;
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    let value = byte & 127;
    for (let factor = 128; byte >= 128; factor *= 128) {
      byte = from[this.at++] ?? 0;
      value += (byte & 127) * factor;
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  bytes(): Buffer | null {
    const length = this.number();
    if (length < 0) return null;
    const { at } = this;
    this.at += length;
    return length === 0 ? EMPTY : this.from.subarray(at, at + length);
  }
}

/** Exact up to 2^53: more records or milliseconds than that there never are. */
export function int64(bytes: Buffer, at: number): number {
  return bytes.readInt32BE(at) * 2 ** 32 + bytes.readUInt32BE(at + 4);
}
