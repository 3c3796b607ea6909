import type { Clock } from '../../contracts/clock.js';
import { GONE, KafkaFailure, type KafkaClient, type OutgoingRecord } from './kafka-client.js';
import { closed, errorFor, textOf, unknown } from './kafka-errors.js';
import type { Topics } from './kafka-topics.js';

interface Sending {
  readonly records: readonly OutgoingRecord[];
  readonly bytes: number;
  readonly startedAt: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Kafka takes no batch larger than a message may be: what is sent at once stays below what any topic permits. */
const MOST_BYTES = 512 * 1024;
const OVERHEAD = 100;

const LONGEST_PAUSE_MS = 1000;

/** A topic that was just made is unknown for a moment; one that stays so is gone. */
const MOST_GONE = 7;

/** What the broker says of a producer that it takes for another one: it starts anew. */
const FORGOTTEN = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
]);

/**
 * One request at a time; whatever is published meanwhile goes with the next. What is not confirmed is sent again, and the
 * broker knows it by its number, so it is there once.
 */
export class Sender {
  readonly #client: KafkaClient;
  readonly #topics: Topics;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #queue: Sending[] = [];
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(client: KafkaClient, topics: Topics, clock: Clock, timeoutMs: number) {
    this.#client = client;
    this.#topics = topics;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Resolves when all of them are confirmed.
   * @throws {ThrunError} THRUN_PUBLISH_UNKNOWN after the timeout; THRUN_TRANSPORT_REFUSED for what Kafka does not take
   */
  async send(records: readonly OutgoingRecord[]): Promise<void> {
    if (this.#closed) throw closed();
    const parts: Promise<void>[] = [];
    for (let first = 0; first < records.length; ) {
      const { end, bytes } = partOf(records, first);
      const part = first === 0 && end === records.length ? records : records.slice(first, end);
      parts.push(this.#enqueue(part, bytes));
      first = end;
    }
    this.#working ??= this.#work();
    await Promise.all(parts);
  }

  /** Waits for what is on its way, then takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#working;
  }

  #enqueue(records: readonly OutgoingRecord[], bytes: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#queue.push({ records, bytes, startedAt: performance.now(), resolve, reject });
    });
  }

  async #work(): Promise<void> {
    // What is published while this callback and all that it resolved are running goes together.
    await new Promise<void>((resolve) => process.nextTick(resolve));
    while (this.#queue.length > 0) await this.#deliver(this.#next());
    this.#working = undefined;
  }

  #next(): readonly Sending[] {
    let bytes = 0;
    let count = 0;
    for (const one of this.#queue) {
      if (count > 0 && bytes + one.bytes > MOST_BYTES) break;
      bytes += one.bytes;
      count++;
    }
    return this.#queue.splice(0, count);
  }

  async #deliver(batch: readonly Sending[]): Promise<void> {
    const records = batch.length === 1 ? (batch[0] as Sending).records : batch.flatMap((one) => one.records);
    const startedAt = Math.min(...batch.map((one) => one.startedAt));
    try {
      await this.#until(records, startedAt + this.#timeoutMs);
      for (const { resolve } of batch) resolve();
    } catch (error) {
      await this.#client.renew();
      this.#topics.forget();
      const isRefused = error instanceof KafkaFailure && !error.mayPass;
      // It may be the fault of one of them: each by itself says which. What a partition has taken already it takes again.
      if (isRefused && batch.length > 1) for (const one of batch) await this.#deliver([one]);
      else for (const { reject } of batch) reject(isRefused ? errorFor(error) : this.#unknown(error));
    }
  }

  async #until(records: readonly OutgoingRecord[], deadline: number): Promise<void> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#within(this.#client.send(records), deadline);
      } catch (error) {
        if (!(error instanceof KafkaFailure)) throw error;
        // What is made anew gets other partitions: whoever addressed these records has to do it again.
        if (error.code === GONE && failures >= MOST_GONE) throw error;
        const isForgotten = FORGOTTEN.has(error.code);
        if (isForgotten) await this.#client.renew();
        else if (!error.mayPass) throw error;
        const pause = Math.min(LONGEST_PAUSE_MS, 20 * 2 ** failures);
        if (performance.now() + pause > deadline) throw error;
        await new Promise<void>((resolve) => void setTimeout(resolve, pause));
      }
    }
  }

  #within(sending: Promise<void>, deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const left = Math.max(0, deadline - performance.now());
      const cancel = this.#clock.after(left, () => reject(new Error('no confirmation came')));
      sending.then(resolve, reject).finally(cancel);
    });
  }

  #unknown(error: unknown): Error {
    return unknown(`${textOf(error)} (within ${this.#timeoutMs} ms)`, error);
  }
}

function partOf(records: readonly OutgoingRecord[], first: number): { readonly end: number; readonly bytes: number } {
  let end = first;
  let bytes = 0;
  while (end < records.length) {
    const size = sizeOf(records[end] as OutgoingRecord);
    if (end > first && bytes + size > MOST_BYTES) break;
    bytes += size;
    end++;
  }
  return { end, bytes };
}

function sizeOf({ value, key }: OutgoingRecord): number {
  return OVERHEAD + (value?.length ?? 0) + (key?.length ?? 0);
}
