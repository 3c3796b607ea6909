import { hash, randomFillSync } from 'node:crypto';
import { parse, stringify, v7 } from 'uuid';

/**
 * Ids of events. A new one sorts after all that this process made before it, so that stores keep them in order of
 * time; a derived one is the same for the same name, so that a redelivered message is recognised.
 */

/** Under which names become ids. Never to be changed: ids that are already out there depend on it. */
const ID_NAMESPACE = '8b0f6a52-6a3e-5d0c-9a86-5d6b1f0c7e21';
const NAMESPACE_BYTES = parse(ID_NAMESPACE);

/** Random bytes are asked for in one go for so many ids: asking costs far more than the bytes. */
const POOLED_IDS = 256;
const pool = new Uint8Array(16 * POOLED_IDS);
const slices = Array.from({ length: POOLED_IDS }, (_, n) => pool.subarray(16 * n, 16 * n + 16));
let nextSlice = POOLED_IDS;

const LAST_SEQUENCE = 0xffff_ffff;
let lastMs = 0;
let sequence = 0;

/** A UUIDv7, greater than every one this process has made before, also when the clock is set back. */
export function newEventId(): string {
  const random = randomSlice();
  const now = Date.now();
  if (now > lastMs) {
    lastMs = now;
    sequence = sequenceStart(random);
  } else if (sequence < LAST_SEQUENCE) {
    sequence += 1;
  } else {
    // All ids of this millisecond are used up: borrow the next one.
    lastMs += 1;
    sequence = sequenceStart(random);
  }
  return v7({ random, msecs: lastMs, seq: sequence });
}

/**
 * A UUIDv5 (RFC 9562, section 5.5): always the same for the same name. The package makes them of a hash object each, which
 * costs four times as much, and its way of encoding texts throws on half a surrogate pair.
 */
export function derivedEventId(name: string): string {
  const bytes = hash('sha1', Buffer.concat([NAMESPACE_BYTES, Buffer.from(name)]), 'buffer').subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return stringify(bytes);
}

function randomSlice(): Uint8Array {
  if (nextSlice === POOLED_IDS) {
    randomFillSync(pool);
    nextSlice = 0;
  }
  return slices[nextSlice++] as Uint8Array;
}

/** Random, so that two processes in one millisecond differ early; the upper half is left free to count in. */
function sequenceStart(random: Uint8Array): number {
  return (((random[0] ?? 0) & 0x7f) << 24) | ((random[1] ?? 0) << 16) | ((random[2] ?? 0) << 8) | (random[3] ?? 0);
}
