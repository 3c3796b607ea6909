import { Bag, type Placed } from '../contracts/bag.js';
import { ThrunError } from '../contracts/errors.js';
import type { OutgoingMessage } from '../contracts/transport.js';
import type { RedisConnection } from './redis-connection.js';
import { RedisFailure } from './redis-failure.js';

/** Sends messages of one queue, all of them or none. */
export type Send = (queue: string, messages: readonly OutgoingMessage[]) => Promise<unknown>;

interface Batch extends Placed {
  readonly messages: OutgoingMessage[];
  /** The one promise of all who handed something over. */
  sent: Promise<void>;
}

/** More than this goes in one command only when one caller hands it over at once. */
const MOST_TOGETHER = 1000;

const HANDED_OVER = Promise.resolve();

/** Publishes: what is handed over in one breath goes to Redis in one command. */
export class RedisPublisher {
  readonly #transport: string;
  readonly #connection: RedisConnection;
  readonly #send: Send;
  /** By queue; undefined once it goes. */
  readonly #gathering = new Map<string, Batch | undefined>();
  readonly #sending = new Bag<Batch>();

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
        await this.#mayTryAgain(error, giveUpAt);
      }
    }
  }

  /** Resolves when everything handed over so far has been decided. */
  async flush(): Promise<void> {
    while (this.#sending.size > 0) await Promise.allSettled([...this.#sending].map(({ sent }) => sent));
  }

  #begin(queue: string): Batch {
    const batch: Batch = { messages: [], sent: HANDED_OVER, place: -1 };
    batch.sent = this.#leave(queue, batch);
    this.#gathering.set(queue, batch);
    this.#sending.add(batch);
    return batch;
  }

  /** In few promises: one by one, they are most of what a publish costs here. */
  async #leave(queue: string, batch: Batch): Promise<void> {
    // After whatever else is handed over in this breath.
    await HANDED_OVER;
    if (this.#gathering.get(queue) === batch) this.#gathering.set(queue, undefined);
    try {
      const giveUpAt = performance.now() + this.#connection.timeoutMs;
      for (;;) {
        try {
          await this.#send(queue, batch.messages);
          return;
        } catch (error) {
          await this.#mayTryAgain(error, giveUpAt);
        }
      }
    } finally {
      this.#sending.delete(batch);
    }
  }

  /** Resolves once it can be sent again: it never left, and there is a connection. */
  async #mayTryAgain(error: unknown, giveUpAt: number): Promise<void> {
    if (!(error instanceof RedisFailure)) throw error;
    const { outcome, message } = error;
    if (outcome === 'unknown') throw new ThrunError('THRUN_PUBLISH_UNKNOWN', [this.#transport, message]);
    if (outcome === 'refused') throw new ThrunError('THRUN_TRANSPORT_REFUSED', [this.#transport, message]);
    const left = giveUpAt - performance.now();
    if (await this.#connection.ready(left)) return;
    throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', [this.#transport, message]);
  }
}
