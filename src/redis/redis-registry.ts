import type { RedisConnection } from './redis-connection.js';
import { RedisFailure } from './redis-failure.js';

/** Which queues there are: asked by operators only, so it is one set, and each process adds a queue once. */
export class QueueRegistry {
  readonly #connection: RedisConnection;
  readonly #key: string;
  readonly #known = new Set<string>();

  /** @param kind of the queues: each has a set of its own */
  constructor(connection: RedisConnection, kind: string) {
    this.#connection = connection;
    this.#key = `thrun:${kind}:queues`;
  }

  isKnown(queue: string): boolean {
    return this.#known.has(queue);
  }

  async add(queue: string): Promise<void> {
    if (this.#known.has(queue)) return;
    await this.#connection.run((client) => client.sadd(this.#key, queue));
    this.#known.add(queue);
  }

  /** A queue that cannot be noted is found by whoever consumes it. */
  async tryAdd(queue: string): Promise<void> {
    await this.add(queue).catch((error: unknown) => {
      if (!(error instanceof RedisFailure)) throw error;
    });
  }

  async all(): Promise<string[]> {
    return (await this.#connection.run((client) => client.smembers(this.#key))).sort();
  }
}
