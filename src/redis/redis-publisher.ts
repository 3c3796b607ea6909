import { Bag, type Placed } from '../contracts/bag.js';
import { ThrunError } from '../contracts/errors.js';
import type { OutgoingMessage } from '../contracts/transport.js';
import type { RedisConnection } from './redis-connection.js';
import { RedisFailure } from './redis-failure.js';

/** Something new for Redis: all of it or nothing. */
export interface Sending<Reply = unknown> {
  send(): Promise<Reply>;
  /** Whether it may be sent again though it may have arrived: Redis would know it again. Default: it would not. */
  mayRepeat?(): boolean;
}

/** Makes messages of one queue ready to be sent. */
export type Prepare = (queue: string, messages: readonly OutgoingMessage[]) => Sending;

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
  readonly #prepare: Prepare;
  /** By queue; undefined once it goes. */
  readonly #gathering = new Map<string, Batch | undefined>();
  readonly #sending = new Bag<Batch>();

  constructor(transport: string, connection: RedisConnection, prepare: Prepare) {
    this.#transport = transport;
    this.#connection = connection;
    this.#prepare = prepare;
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_UNAVAILABLE, THRUN_TRANSPORT_REFUSED: not published; THRUN_PUBLISH_UNKNOWN */
  publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    let batch = this.#gathering.get(queue);
    if (!batch || batch.messages.length + messages.length > MOST_TOGETHER) batch = this.#begin(queue);
    for (const message of messages) batch.messages.push(message);
    return batch.sent;
  }

  /**
   * Sends once, waiting for a connection if need be; after an answer that was lost again, where that does no harm.
   * @throws {ThrunError} as `publish` does
   */
  async write<Reply>(sending: Sending<Reply>): Promise<Reply> {
    let giveUpAt = performance.now() + this.#connection.timeoutMs;
    /** Why nobody knows whether it is there already. */
    let unknown: string | undefined;
    for (;;) {
      try {
        return await sending.send();
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error;
        const { outcome, message } = error;
        if (outcome === 'unknown' && unknown === undefined) {
          unknown = message;
          giveUpAt = performance.now() + this.#connection.timeoutMs;
        }
        // Asked again after the wait: by then others have been sent.
        const mayGoOn = () => unknown === undefined || (performance.now() < giveUpAt && sending.mayRepeat?.() === true);
        const ready = () => this.#connection.ready(giveUpAt - performance.now());
        if (outcome !== 'refused' && mayGoOn() && (await ready()) && mayGoOn()) continue;
        if (unknown !== undefined) throw new ThrunError('THRUN_PUBLISH_UNKNOWN', [this.#transport, unknown]);
        const code = outcome === 'refused' ? 'THRUN_TRANSPORT_REFUSED' : 'THRUN_TRANSPORT_UNAVAILABLE';
        throw new ThrunError(code, [this.#transport, message]);
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
      await this.write(this.#prepare(queue, batch.messages));
    } finally {
      this.#sending.delete(batch);
    }
  }
}
