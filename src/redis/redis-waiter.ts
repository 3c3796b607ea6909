import type { Client } from './redis-client.js';
import { RedisConnection } from './redis-connection.js';
import { failureOf } from './redis-failure.js';
import type { RedisOptions } from './redis-options.js';

/** Blocks on the server for at most `ms`; true: there is news. */
export type Block = (client: Client, ms: number) => Promise<boolean>;

type Wake = (handedBack: boolean) => void;

const BLOCK_MS = 5000;
/** A block that is over on the server has this long to be heard of; then the connection is a dead one. */
const GRACE_MS = 2000;
/** Where the server will not let us block (it is full, say), look this often instead. */
const POLL_MS = 100;

/**
 * Waits for news of one queue on a connection of its own, and wakes everyone in this process who waits for it. It takes
 * nothing off the queue: an answer that is lost costs nothing.
 */
export class RedisWaiter {
  readonly #connection: RedisConnection;
  readonly #block: Block;
  readonly #sleepers = new Set<Wake>();
  #loop: Promise<void> | undefined;
  #closed = false;

  constructor(options: RedisOptions, name: string, block: Block) {
    this.#connection = new RedisConnection(options, { name, blocking: true });
    this.#block = block;
    // What came during an outage was not heard of.
    this.#connection.listen({ lost: () => undefined, found: () => this.ring() });
  }

  /** Calls `wake` at the next news; the returned function takes that back. */
  onNews(wake: Wake): () => void {
    this.#sleepers.add(wake);
    if (!this.#closed) this.#loop ??= this.#run();
    return () => this.#sleepers.delete(wake);
  }

  /** @param handedBack it is not in the queue itself: another consumer of this process gave something back */
  ring(handedBack = false): void {
    for (const wake of [...this.#sleepers]) {
      this.#sleepers.delete(wake);
      wake(handedBack);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.ring();
    await this.#connection.close();
    await this.#loop;
  }

  async #run(): Promise<void> {
    await this.#connection.start();
    while (this.#sleepers.size > 0 && !this.#closed) {
      if (!(await this.#connection.ready(BLOCK_MS))) continue;
      try {
        if (await this.#watched()) this.ring();
      } catch (error) {
        const { outcome } = failureOf(error);
        if (outcome === 'refused') {
          await pause(POLL_MS);
          this.ring();
        }
      }
    }
    this.#loop = undefined;
  }

  async #watched(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<boolean>((resolve) => {
      timer = setTimeout(() => {
        if (!this.#closed) this.#connection.replace();
        resolve(false);
      }, BLOCK_MS + GRACE_MS);
      timer.unref();
    });
    const news = this.#connection.run((client) => this.#block(client, BLOCK_MS));
    news.catch(() => undefined);
    try {
      return await Promise.race([news, silence]);
    } finally {
      clearTimeout(timer);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
