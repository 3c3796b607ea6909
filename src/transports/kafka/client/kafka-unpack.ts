import { promisify } from 'node:util';
import { unzip } from 'node:zlib';

/** Turns what one batch of records was compressed to into what it was. */
export type Unpack = (packed: Buffer, most: number) => Promise<Buffer>;

/** What is said of a batch that comes to more than is kept in memory for it. */
export class TooLarge extends RangeError {
  override readonly name = 'TooLarge';

  constructor(most: number) {
    super(`it comes to more than ${most / 1024 / 1024} MiB when it is unpacked`);
  }
}

const unzipped = promisify(unzip);

export const gzip: Unpack = async (packed, most) => {
  try {
    return await unzipped(packed, { maxOutputLength: most });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE' ? new TooLarge(most) : error;
  }
};

/** Java's producers put their blocks into a frame: this, two numbers, and before each block its length. */
const XERIAL = Buffer.from('\x82SNAPPY\0', 'latin1');
const XERIAL_HEAD = 16;

export const snappy: Unpack = async (packed, most) => {
  const { default: snappyjs } = await import('snappyjs');
  const unpacked = (block: Buffer, left: number) => {
    if (varintAt(block) > left) throw new TooLarge(most);
    return snappyjs.uncompress(block, left);
  };
  if (!packed.subarray(0, XERIAL.length).equals(XERIAL)) return unpacked(packed, most);
  const blocks: Buffer[] = [];
  let left = most;
  for (let at = XERIAL_HEAD; at < packed.length; ) {
    const length = packed.readInt32BE(at);
    const block = unpacked(slice(packed, at + 4, length), left);
    blocks.push(block);
    left -= block.length;
    at += 4 + length;
  }
  return Buffer.concat(blocks);
};

const LZ4_MAGIC = 0x184d2204;
const LZ4_BLOCKS: readonly number[] = [0, 0, 0, 0, 64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024];
const LZ4_PLAIN = 0x80000000;

export const lz4: Unpack = async (packed, most) => {
  const { decompressBlock } = await import('lz4js');
  const { blocks, largest } = lz4Frame(packed);
  const bound = blocks.reduce((sum, { block, isPlain }) => sum + (isPlain ? block.length : largest), 0);
  const whole = Buffer.alloc(Math.min(bound, most));
  let length = 0;
  for (const { block, isPlain } of blocks) {
    // What does not fit is counted, and not written.
    if (isPlain) block.copy(whole, length);
    length = isPlain ? length + block.length : decompressBlock(block, whole, 0, block.length, length);
    if (length > whole.length) throw new TooLarge(most);
  }
  // Room for a whole block stays with no record that is small.
  return length < whole.length / 2 ? Buffer.from(whole.subarray(0, length)) : whole.subarray(0, length);
};

/** The frame is read here, and only blocks by the library: it trusts the lengths, and takes sums of blocks for bytes of them. */
function lz4Frame(packed: Buffer) {
  if (packed.readUInt32LE(0) !== LZ4_MAGIC) throw new Error('no LZ4 frame');
  const flags = packed.readUInt8(4);
  const largest = LZ4_BLOCKS[(packed.readUInt8(5) >> 4) & 7] ?? 0;
  if (flags >> 6 !== 1 || largest === 0) throw new Error('an LZ4 frame of an unknown version');
  const sums = flags & 0x10 ? 4 : 0;
  let at = 7 + (flags & 0x08 ? 8 : 0) + (flags & 0x01 ? 4 : 0);
  const blocks: { readonly block: Buffer; readonly isPlain: boolean }[] = [];
  for (;;) {
    const head = packed.readUInt32LE(at);
    if (head === 0) return { blocks, largest };
    const isPlain = head >= LZ4_PLAIN;
    const block = slice(packed, at + 4, isPlain ? head - LZ4_PLAIN : head);
    if (block.length > largest) throw new Error('an LZ4 block that is longer than its frame says');
    blocks.push({ block, isPlain });
    at += 4 + block.length + sums;
  }
}

const ZSTD_MAGIC = 0xfd2fb528;
const ZSTD_BLOCK_LOG = 17;
const ZSTD_RUN = 1;

export const zstd: Unpack = async (packed, most) => {
  const { Decompress } = await import('fzstd');
  const parts: Uint8Array[] = [];
  let length = 0;
  const stream = new Decompress((part) => {
    length += part.length;
    if (length > most) throw new TooLarge(most);
    parts.push(part);
  });
  stream.push(zstdFitted(packed, most), true);
  return Buffer.concat(parts, length);
};

/**
 * A frame says how far back it looks, up to gigabytes, and the library makes room for that: here it is no more than what its
 * blocks can come to. (RFC 8878, 3.1.1)
 */
function zstdFitted(packed: Buffer, most: number): Buffer {
  const fitted = Buffer.from(packed);
  for (let at = 0; at < fitted.length; ) {
    if (fitted.readUInt32LE(at) !== ZSTD_MAGIC) throw new Error('no zstd frame');
    const flags = fitted.readUInt8(at + 4);
    const isOneSegment = (flags & 0x20) !== 0;
    const sizeAt = at + 5 + (isOneSegment ? 0 : 1) + ([0, 1, 2, 4][flags & 3] ?? 0);
    const sizeBytes = flags >> 6 === 0 ? Number(isOneSegment) : 1 << (flags >> 6);
    const { blocks, end } = zstdBlocks(fitted, sizeAt + sizeBytes);
    if (isOneSegment && zstdSize(fitted, sizeAt, sizeBytes) > most) throw new TooLarge(most);
    const log = Math.ceil(Math.log2(Math.min(blocks * 2 ** ZSTD_BLOCK_LOG, most)));
    if (!isOneSegment && fitted.readUInt8(at + 5) >= (log - 10) << 3) fitted.writeUInt8((log - 10) << 3, at + 5);
    at = end + (flags & 0x04 ? 4 : 0);
  }
  return fitted;
}

function zstdBlocks(frame: Buffer, start: number): { readonly blocks: number; readonly end: number } {
  for (let at = start, blocks = 1; ; blocks++) {
    const head = frame.readUIntLE(at, 3);
    at += 3 + (((head >> 1) & 3) === ZSTD_RUN ? 1 : head >> 3);
    if (head & 1) return { blocks, end: at };
  }
}

function zstdSize(frame: Buffer, at: number, bytes: number): number {
  if (bytes === 8) return Number(frame.readBigUInt64LE(at));
  return frame.readUIntLE(at, bytes) + (bytes === 2 ? 256 : 0);
}

/** @throws RangeError where there is less than that */
function slice(buffer: Buffer, start: number, length: number): Buffer {
  if (length < 0 || start + length > buffer.length) throw new RangeError('a block that is longer than what there is');
  return buffer.subarray(start, start + length);
}

/** Seven bits a byte, the low ones first. */
function varintAt(buffer: Buffer): number {
  let value = 0;
  for (let i = 0; i < 5; i++) {
    const byte = buffer.readUInt8(i);
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) break;
  }
  return value;
}
