import { ThrunError } from '../../../contracts/errors.js';
import { addressOf } from '../../../redis/redis-address.js';
import type { Client } from '../../../redis/redis-client.js';
import { RedisConnection } from '../../../redis/redis-connection.js';
import { RedisFailure } from '../../../redis/redis-failure.js';
import type { RedisOptions } from '../../../redis/redis-options.js';
import { versionIn } from '../../../redis/redis-version.js';
import { INDEX } from './redis-store-keys.js';

/** Of the layout of what is stored. */
export const FORMAT = '2';

/** Before a server that is there and cannot do it at the moment is asked again. */
const PAUSE_MS = 50;

/** A Redis that is asked again after an outage, for a while. */
export class RedisServer {
  readonly #options: RedisOptions;
  #opening: Promise<RedisConnection> | undefined;
  /** Once it is open. */
  #connection: RedisConnection | undefined;
  #closed = false;

  constructor(options: RedisOptions) {
    this.#options = options;
  }

  /** One that could not be reached is tried anew by the next caller. @throws {ThrunError} THRUN_STORE_UNAVAILABLE */
  open(): Promise<RedisConnection> {
    if (this.#closed) return Promise.reject(unavailable('it is closed'));
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  /**
   * Sends, and sends again when that failed: `again` tells that it may have been done already.
   * @throws {ThrunError} THRUN_STORE_UNAVAILABLE when it is refused, or the server is away for longer than a command may take
   */
  async run<Reply>(send: (client: Client, again: boolean) => Promise<Reply>): Promise<Reply> {
    const connection = this.#connection ?? (await this.open());
    let giveUpAt: number | undefined;
    for (let again = false; ; ) {
      try {
        return await connection.run((client) => send(client, again));
      } catch (error) {
        if (!(error instanceof RedisFailure)) throw error;
        again ||= error.outcome === 'unknown';
        giveUpAt ??= performance.now() + connection.timeoutMs;
        const left = giveUpAt - performance.now();
        const hopeless = !error.passes || error.code === 'OOM' || left <= 0;
        if (!hopeless && connection.isReady) await pause();
        if (hopeless || !(await connection.ready(left))) throw unavailable(error.message, error);
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#connection = undefined;
    await (await this.#opening?.catch(() => undefined))?.close();
  }

  async #open(): Promise<RedisConnection> {
    const connection = new RedisConnection(this.#options, { name: 'thrun batches' });
    await connection.open('redis', 'THRUN_STORE_UNAVAILABLE');
    try {
      const problem = await connection.run(
        async (client) =>
          versionIn(await client.info('server')).problem ?? formatProblem(await client.get(INDEX.format)),
      );
      if (problem === undefined) {
        this.#connection = connection;
        return connection;
      }
      throw new Error(problem);
    } catch (error) {
      await connection.close();
      throw unavailable(`${addressOf(this.#options)}: ${(error as Error).message}`, error);
    }
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
}

function formatProblem(format: string | null): string | undefined {
  if (format === null || format === FORMAT) return undefined;
  return `its batches were written by another version of thrun (format ${format}, this one reads ${FORMAT})`;
}

function unavailable(why: string, cause?: unknown): ThrunError {
  return new ThrunError('THRUN_STORE_UNAVAILABLE', ['redis', why], { cause });
}
