import { int64 } from './kafka-batches.js';

/** What a broker says in Kafka's protocol, read one after the other. */
export class AnswerReader {
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
