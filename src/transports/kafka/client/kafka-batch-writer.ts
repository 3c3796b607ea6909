import type { OutgoingRecord } from '../kafka-client.js';
import { fieldSize, sizeOf, Writer } from './kafka-writer.js';

export interface BatchWriterParts {
  /** CRC-32C. */
  readonly checksum: (bytes: Buffer) => number;
  /** Undefined: as they are. */
  readonly gzip: ((bytes: Buffer) => Promise<Buffer>) | undefined;
}

/** Who writes it, by which a broker knows a batch that comes again. */
export interface BatchOrigin {
  readonly producer: number;
  readonly epoch: number;
  /** Of the first record: how many this producer has written to the partition before. */
  readonly sequence: number;
  /** Ms since the epoch. */
  readonly time: number;
}

const FORMAT = 2;
const GZIP = 1;

/** Nobody has led it yet: the broker says who did. */
const NO_EPOCH = -1;

/** Of a batch without its records, and of a record without its own: more than it is. */
const BATCH_BYTES = 80;
const RECORD_BYTES = 40;

/** About so many bytes all of them will be. */
export function batchBytes(records: readonly OutgoingRecord[]): number {
  let bytes = BATCH_BYTES;
  for (const { key, value } of records) bytes += RECORD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
  return bytes;
}

/** The records of one partition as one batch, in the format that {@link file://./kafka-batches.ts} reads. */
export async function writeBatch(
  to: Writer,
  records: readonly OutgoingRecord[],
  { producer, epoch, sequence, time }: BatchOrigin,
  { checksum, gzip }: BatchWriterParts,
): Promise<void> {
  const packed = gzip && (await gzip(packable(records)));
  to.int64(0);
  const length = to.int32(0);
  to.int32(NO_EPOCH);
  to.int8(FORMAT);
  const sum = to.int32(0);
  const summed = to.at;
  to.int16(packed ? GZIP : 0);
  to.int32(records.length - 1);
  to.int64(time);
  to.int64(time);
  to.int64(producer);
  to.int16(epoch);
  to.int32(sequence);
  to.int32(records.length);
  if (packed) to.raw(packed);
  else writeRecords(to, records);
  to.put(length, to.at - length - 4);
  to.put(sum, checksum(to.bytes.subarray(summed)) | 0);
}

function packable(records: readonly OutgoingRecord[]): Buffer {
  const writer = new Writer(batchBytes(records));
  writeRecords(writer, records);
  return writer.bytes;
}

function writeRecords(to: Writer, records: readonly OutgoingRecord[]): void {
  for (let i = 0; i < records.length; i++) {
    const { key, value, headers } = records[i] as OutgoingRecord;
    const keyBytes = key === null ? null : bytesOf(key);
    const fields = fieldsOf(headers);
    let size = 2 + sizeOf(i) + fieldSize(keyBytes) + fieldSize(value) + sizeOf(fields.length / 2);
    for (const field of fields) size += fieldSize(field);
    to.number(size);
    to.int8(0);
    // After the time of the batch.
    to.number(0);
    to.number(i);
    to.field(keyBytes);
    to.field(value);
    to.number(fields.length / 2);
    for (const field of fields) to.field(field);
  }
}

const NO_FIELDS: readonly Uint8Array[] = [];

/** Names and values in turn. */
function fieldsOf(headers: OutgoingRecord['headers']): readonly Uint8Array[] {
  let fields: Uint8Array[] | undefined;
  for (const name in headers) (fields ??= []).push(Buffer.from(name), bytesOf(headers[name] as string | Uint8Array));
  return fields ?? NO_FIELDS;
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text;
}
