import kafkajs from 'kafkajs';
import { KafkaFailure, UNREADABLE } from '../kafka-client.js';
import { gzip, lz4, snappy, type Unpack, zstd } from './kafka-unpack.js';
import { PartialMessage } from './kafkajs-parts.js';

/** A batch, and what one answer of a broker comes to before the rest of it is asked for again. */
const MOST_BYTES = 32 * 1024 * 1024;

const { CompressionTypes, CompressionCodecs } = kafkajs;

type Packed = Exclude<kafkajs.CompressionTypes, kafkajs.CompressionTypes.None>;

const CODECS: readonly (readonly [Packed, string, Unpack])[] = [
  [CompressionTypes.GZIP, 'gzip', gzip],
  [CompressionTypes.Snappy, 'snappy', snappy],
  [CompressionTypes.LZ4, 'lz4', lz4],
  [CompressionTypes.ZSTD, 'zstd', zstd],
];

let isMended = false;

/**
 * kafkajs unpacks gzip, as much as there is. Mended, it unpacks whatever Kafka's producers write with, within bounds: a few
 * bytes can stand for gigabytes. What others in this process compress with stays theirs.
 */
export function mendCodecs(): void {
  if (isMended) return;
  isMended = true;
  for (const [type, name, unpack] of CODECS) {
    const before = CompressionCodecs[type] as () => Codec;
    CompressionCodecs[type] = (): Codec => ({
      compress: async (encoder) => before().compress(encoder),
      decompress: (packed) => within(packed, name, unpack),
    });
  }
}

interface Codec {
  compress(encoder: { readonly buffer: Buffer }): Promise<Buffer>;
  decompress(packed: Buffer): Promise<Buffer>;
}

/** What was unpacked of each answer: all that came in one is a part of one buffer. */
const unpackedOf = new WeakMap<ArrayBufferLike, number>();

async function within(packed: Buffer, name: string, unpack: Unpack): Promise<Buffer> {
  const answer = packed.buffer;
  const before = unpackedOf.get(answer) ?? 0;
  // What kafkajs says of a batch of which only the beginning came: it is asked for again, from there on.
  if (before >= MOST_BYTES) throw new PartialMessage('enough of this answer is unpacked');
  try {
    const unpacked = await unpack(packed, MOST_BYTES);
    unpackedOf.set(answer, before + unpacked.length);
    return unpacked;
  } catch (error) {
    const message = `a batch compressed with ${name}: ${(error as Error).message}`;
    throw new KafkaFailure(UNREADABLE, message, false, undefined, { cause: error });
  }
}
