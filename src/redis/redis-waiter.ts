import type { Redis } from 'ioredis';
import type { Client } from './redis-client.js';
import { RedisConnection } from './redis-connection.js';
import { failureOf } from './redis-failure.js';
import { LOOK_MS } from './redis-looks.js';
import { DEFAULT_TIMEOUT_MS, type RedisOptions } from './redis-options.js';

/** Blocks on the server for at most `ms`; true: there is news. */
export type Block = (client: Client, ms: number) => Promise<boolean>;

export interface News {
  readonly block: Block;
  /** On which it is said in how many ms something is due that was put beside the queue. */
  readonly channels: readonly string[];
  /** A wait was not answered. */
  readonly onSilence: () => void;
}

type Wake = (handedBack: boolean) => void;
/** In so many ms something is due. */
type Told = (ms: number) => void;

/**
 * A wait without news ends after this long, which is the proof that Redis answers: nobody asks for that while one is under
 * way. Shorter where commands are to be answered soon.
 */
const WAIT_MS = 6000;
/** One that is over on the server has this long to be heard of; then the connection is a dead one. A server is late by up to a second. */
const GRACE_MS = 1200;
/** Where the server will not let us block (it is full, say), look this often instead. */
const POLL_MS = 100;

/**
 * Waits for news of one queue on a connection of its own, and wakes everyone in this process who waits for it. It takes
 * nothing off the queue: an answer that is lost costs nothing.
 */
export class RedisWaiter {
  readonly #connection: RedisConnection;
  readonly #waitMs: number;
  readonly #news: News;
  readonly #listeners = new Set<Told>();
  /** Of the present connection: it was asked to listen, and does. */
  #asked = false;
  #hears = false;
  readonly #sleepers = new Set<Wake>();
  #loop: Promise<void> | undefined;
  #closed = false;

  constructor(options: RedisOptions, name: string, news: News) {
    const { timeoutMs = DEFAULT_TIMEOUT_MS } = options;
    this.#waitMs = Math.min(WAIT_MS, 4 * timeoutMs);
    const answerMs = this.#waitMs + Math.min(GRACE_MS, timeoutMs);
    this.#connection = new RedisConnection(options, { name, answerMs });
    this.#news = news;
    const lost = () => {
      this.#asked = false;
      this.#hears = false;
      // Whoever relied on being told looks by himself.
      this.#tell(LOOK_MS);
    };
    // What came during an outage was not heard of.
    this.#connection.listen({ lost, found: () => this.ring() });
  }

  /** Whether it is told of what others put beside the queue. */
  get hears(): boolean {
    return this.#hears;
  }

  /** Calls `told` for what others put beside the queue; the returned function takes that back. */
  onTold(told: Told): () => void {
    this.#listeners.add(told);
    return () => this.#listeners.delete(told);
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
      if (!(await this.#connection.ready(this.#waitMs))) continue;
      try {
        if (await this.#wait()) this.ring();
      } catch (error) {
        const { outcome, isSilence } = failureOf(error);
        if (isSilence) this.#news.onSilence();
        if (outcome === 'refused') {
          await pause(POLL_MS);
          this.ring();
        }
      }
    }
    this.#loop = undefined;
  }

  /** In a Cluster, and where the server does not let it, it stays deaf. */
  async #listen(client: Client): Promise<void> {
    this.#asked = true;
    if (!canListen(client)) return;
    client.off('smessage', this.#told).on('smessage', this.#told);
    try {
      await client.ssubscribe(...this.#news.channels);
    } catch (error) {
      const failure = failureOf(error);
      if (failure.outcome === 'refused') return;
      throw failure;
    }
    this.#hears = true;
    // What was said before was not heard.
    this.ring(true);
  }

  readonly #told = (_channel: string, text: string): void => this.#tell(Number(text));

  #tell(ms: number): void {
    for (const told of this.#listeners) told(ms);
  }

  #wait(): Promise<boolean> {
    return this.#connection.run(async (client) => {
      if (!this.#asked) await this.#listen(client);
      return this.#news.block(client, this.#waitMs);
    });
  }
}

/** Only in the newer protocol does a connection that listens do anything else. */
function canListen(client: Client): client is Redis {
  return 'condition' in client && (client.condition as { protocol?: number } | null)?.protocol === 3;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
