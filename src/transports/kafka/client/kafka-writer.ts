/** What a client says in Kafka's protocol, written one after the other into bytes that grow as they have to. */
export class Writer {
  #bytes: Buffer;
  at = 0;

  /** @param expected so many bytes it will be, about */
  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafe(expected);
  }

  /** All so far. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.at);
  }

  int8(value: number): void {
    const at = this.#room(1);
    this.#bytes.writeInt8(value, at);
  }

  int16(value: number): void {
    const at = this.#room(2);
    this.#bytes.writeInt16BE(value, at);
  }

  /** @returns where it is, for {@link put} */
  int32(value: number): number {
    const at = this.#room(4);
    this.#bytes.writeInt32BE(value, at);
    return at;
  }

  /** Exact up to 2^53. */
  int64(value: number): void {
    const at = this.#room(8);
    this.#bytes.writeInt32BE(Math.floor(value / 2 ** 32), at);
    this.#bytes.writeUInt32BE(value >>> 0, at + 4);
  }

  /** Over what was written there before. */
  put(at: number, value: number): void {
    this.#bytes.writeInt32BE(value, at);
  }

  string(text: string): void {
    const length = Buffer.byteLength(text);
    this.int16(length);
    const at = this.#room(length);
    this.#bytes.write(text, at);
  }

  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Of 32 bits: seven of them a byte, the low ones first; the lowest of all says whether it is negative. */
  number(value: number): void {
    let left = ((value << 1) ^ (value >> 31)) >>> 0;
    let at = this.#room(sizeOf(value));
    for (; left > 127; left >>>= 7) this.#bytes[at++] = (left & 127) | 128;
    this.#bytes[at] = left;
  }

  /** Bytes, or null, with their length before them as a {@link number}. */
  field(bytes: Uint8Array | null): void {
    this.number(bytes ? bytes.length : -1);
    if (bytes) this.raw(bytes);
  }

  /** @returns where there is room for so many more, in what may be other bytes than before */
  #room(count: number): number {
    const { at } = this;
    this.at += count;
    if (this.at > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.at, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}

/** Of a {@link Writer.number}, in bytes. */
export function sizeOf(value: number): number {
  const left = ((value << 1) ^ (value >> 31)) >>> 0;
  return left < 128 ? 1 : Math.ceil((32 - Math.clz32(left)) / 7);
}

/** Of a {@link Writer.field}, in bytes. */
export function fieldSize(bytes: Uint8Array | null): number {
  return bytes ? sizeOf(bytes.length) + bytes.length : 1;
}

/** As requests name places: the partitions of one topic together. */
export function byTopic<One extends { readonly topic: string }>(
  all: readonly One[],
): ReadonlyMap<string, readonly One[]> {
  const topics = new Map<string, One[]>();
  for (const one of all) {
    const own = topics.get(one.topic);
    if (own) own.push(one);
    else topics.set(one.topic, [one]);
  }
  return topics;
}
