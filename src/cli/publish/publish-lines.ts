import type { Envelope } from '../../contracts/envelope.js';
import { ThrunError } from '../../contracts/errors.js';
import type { OutgoingMessage, Transport } from '../../contracts/transport.js';
import type { Address } from '../../dispatch/addresses.js';
import { decode, type Limits, Undecodable } from '../../envelope/index.js';
import { PartialFailure } from '../partial-failure.js';
import { type Line, linesOf } from './lines.js';
import type { Input } from './read-input.js';

/** Enough for one transaction to be worth its fsync; few enough for a bar to move, and for Ctrl-C to be heard. */
const MOST_LINES = 500;
const MOST_BYTES = 4 * 1024 * 1024;

export interface LinesOptions {
  readonly input: Input;
  readonly limits: Limits;
  /** The transport of this name, open. */
  readonly transportOf: (name: string) => Promise<Transport>;
  readonly addressOf: (event: string) => Address;
  readonly onProgress: (published: number, bytesRead: number) => void;
  /** Raised: the batch under way is the last one. */
  readonly signal: AbortSignal;
}

export interface LinesResult {
  readonly published: number;
  readonly failed: number;
  readonly queues: readonly string[];
}

/**
 * Publishes a file of envelopes, one a line, in order. Each line's bytes leave as they are. The first line that is no
 * envelope ends it; all before it is published.
 * @throws {PartialFailure} with how many were published
 */
export async function publishLines(options: LinesOptions): Promise<LinesResult> {
  const { input, limits, signal } = options;
  const batch = new Batch(options);
  // Whoever waits for the next line of a pipe is to stop waiting.
  signal.addEventListener('abort', input.stop, { once: true });
  try {
    for await (const line of linesOf(input.chunks, limits.maxBytes)) {
      if (signal.aborted) break;
      const read = line.cut ? tooLong(limits) : readLine(line, options);
      if (read instanceof Undecodable) {
        await batch.publish();
        throw badLine(line, read, batch.result(1));
      }
      batch.add(line, read);
      if (batch.full) await batch.publish();
    }
  } catch (error) {
    if (!signal.aborted || error instanceof PartialFailure) throw error;
  }
  if (signal.aborted) throw stopped(batch);
  await batch.publish();
  return batch.result(0);
}

interface Call {
  readonly address: Address;
  readonly messages: OutgoingMessage[];
}

/** What is published with one call for each queue of each transport. */
class Batch {
  readonly #options: LinesOptions;
  readonly #queues = new Set<string>();
  #calls = new Map<string, Call>();
  #lines = 0;
  #bytes = 0;
  #first = 1;
  #last = 0;
  #readSoFar = 0;
  #published = 0;

  constructor(options: LinesOptions) {
    this.#options = options;
  }

  /** The first line that is not published yet. */
  get next(): number {
    return this.#lines > 0 ? this.#first : this.#last + 1;
  }

  get full(): boolean {
    return this.#lines >= MOST_LINES || this.#bytes >= MOST_BYTES;
  }

  add({ number, bytes, readSoFar }: Line, { event, meta: { key, deliver_at } }: Envelope): void {
    const address = this.#options.addressOf(event);
    const call = `${address.transport} ${address.queue}`;
    const message: OutgoingMessage = {
      body: bytes,
      event,
      ...(key !== undefined && { key }),
      ...(deliver_at !== undefined && { deliverAt: Date.parse(deliver_at) }),
    };
    const messages = this.#calls.get(call)?.messages;
    if (messages) messages.push(message);
    else this.#calls.set(call, { address, messages: [message] });
    if (this.#lines === 0) this.#first = number;
    this.#last = number;
    this.#lines++;
    this.#bytes += bytes.byteLength;
    this.#readSoFar = readSoFar;
  }

  async publish(): Promise<void> {
    const { transportOf, onProgress } = this.#options;
    for (const { address, messages } of this.#calls.values()) {
      const { transport, queue } = address;
      try {
        await (await transportOf(transport)).publish(queue, messages);
      } catch (cause) {
        const lines = this.#first === this.#last ? `line ${this.#first}` : `lines ${this.#first} to ${this.#last}`;
        const what = `Published ${this.#published}; then ${lines} could not be confirmed for ${queue}: ${(cause as Error).message}`;
        throw new PartialFailure('THRUN_FAILED', what, { ...this.result(messages.length) }, { cause });
      }
      this.#published += messages.length;
      this.#queues.add(queue);
    }
    onProgress(this.#published, this.#readSoFar);
    this.#calls = new Map();
    this.#lines = 0;
    this.#bytes = 0;
  }

  result(failed: number): LinesResult {
    return { published: this.#published, failed, queues: [...this.#queues] };
  }
}

function readLine({ number, bytes }: Line, { limits }: LinesOptions): Envelope | Undecodable {
  return decode(
    bytes,
    { transport: 'line', id: String(number), publishedAt: undefined, receivedAt: Date.now() },
    limits,
  );
}

function tooLong({ maxBytes }: Limits): Undecodable {
  const advice = 'Send a reference to the data in place of the data, or raise limits.payloadBytes.';
  return new Undecodable('payload_too_large', `The line is longer than the limit of ${maxBytes} bytes. ${advice}`);
}

function badLine({ number }: Line, { reason, error }: Undecodable, result: LinesResult): ThrunError {
  const published = result.published === 0 ? 'Nothing was published' : `Published ${result.published}`;
  const what = `${published}; line ${number} is not an envelope (${reason}): ${error}`;
  return new PartialFailure('THRUN_INPUT', what, { ...result, line: number, reason });
}

function stopped(batch: Batch): ThrunError {
  const { next } = batch;
  const result = batch.result(0);
  return new PartialFailure('THRUN_FAILED', `Interrupted: published ${result.published}, line ${next} is next.`, {
    ...result,
    next_line: next,
  });
}
