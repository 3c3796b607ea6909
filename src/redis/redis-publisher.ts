import { ThrunError } from '../contracts/errors.js';
import type { OutgoingMessage } from '../contracts/transport.js';
import type { RedisConnection } from './redis-connection.js';
import { RedisFailure } from './redis-failure.js';

/** Sends messages of one queue, all of them or none. */
export type Send = (queue: string, messages: readonly OutgoingMessage[]) => Promise<unknown>;

interface Batch {
  readonly messages: OutgoingMessage[];
  readonly sent: Promise<void>;
}

/** More than this goes in one command only when one caller hands it over at once. */
const MOST_TOGETHER = 1000;

const HANDED_OVER = Promise.resolve();

/** Publishes: what is handed over in one breath goes to Redis in one command. */
export class RedisPublisher {
  readonly #transport: string;
  readonly #connection: RedisConnection;
  readonly #send: Send;
  readonly #gathering = new Map<string, Batch>();
  readonly #sending = new Set<Batch>();

  constructor(transport: string, connection: RedisConnection, send: Send) {
    this.#transport = transport;
    this.#connection = connection;
    this.#send = send;
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_UNAVAILABLE, THRUN_TRANSPORT_REFUSED: not published; THRUN_PUBLISH_UNKNOWN */
  publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    let batch = this.#gathering.get(queue);
    if (!batch || batch.messages.length + messages.length > MOST_TOGETHER) batch = this.#begin(queue);
    for (const message of messages) batch.messages.push(message);
    return batch.sent;
  }

  /**
   * Sends once, waiting for a connection if need be.
   * @throws {ThrunError} as `publish` does
   */
  async write<Reply>(send: () => Promise<Reply>): Promise<Reply> {
    const giveUpAt = performance.now() + this.#connection.timeoutMs;
    for (;;) {
      try {
        return await send();
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error;
        const { outcome, message } = error;
        if (outcome === 'unknown') throw new ThrunError('THRUN_PUBLISH_UNKNOWN', [this.#transport, message]);
        if (outcome === 'refused') throw new ThrunError('THRUN_TRANSPORT_REFUSED', [this.#transport, message]);
        const left = giveUpAt - performance.now();
        if (!(await this.#connection.ready(left))) {
          throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', [this.#transport, message]);
        }
      }
    }
  }

  /** Resolves when everything handed over so far has been decided. */
  async flush(): Promise<void> {
    while (this.#sending.size > 0) await Promise.allSettled([...this.#sending].map(({ sent }) => sent));
  }

  /** In few promises: one by one, they are most of what a publish costs here. */
  #begin(queue: string): Batch {
    const messages: OutgoingMessage[] = [];
    // After whatever else is handed over in this breath.
    const sent = HANDED_OVER.then(() => {
      if (this.#gathering.get(queue) === batch) this.#gathering.delete(queue);
      return this.write(() => this.#send(queue, messages));
    }).then(
      () => void this.#sending.delete(batch),
      (error: unknown) => {
        this.#sending.delete(batch);
        throw error;
      },
    );
    const batch = { messages, sent };
    this.#gathering.set(queue, batch);
    this.#sending.add(batch);
    return batch;
  }
}
