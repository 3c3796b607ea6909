import { ThrunError } from '../contracts/errors.js';
import { addressOf } from './redis-address.js';
import { type Client, type ClientRole, createClient } from './redis-client.js';
import { failureOf, RedisFailure } from './redis-failure.js';
import { DEFAULT_TIMEOUT_MS, type RedisOptions } from './redis-options.js';

export interface ConnectionListener {
  /** Told once for each outage. */
  lost(error: Error): void;
  found(): void;
}

/** What may be asked. */
export type Asked = Pick<RedisConnection, 'run'>;

/** A link that swallows everything takes this long to be closed at the most. */
const CLOSE_MS = 500;
/** Between a failure and its being told. */
const FAILURE_MS = 5;
/** Before another client takes the place of one that gave up. */
const REPLACE_MS = 100;

/**
 * One connection that is there again after every outage. It sends a command once and says what is known when that fails;
 * a client that hangs is thrown away and another one takes its place, since its own reconnecting can hang as well.
 */
export class RedisConnection {
  readonly #options: RedisOptions;
  readonly #role: ClientRole;
  readonly #listeners = new Set<ConnectionListener>();
  readonly #waiting = new Set<() => void>();
  #client: Client | undefined;
  #lastError: Error | undefined;
  #lost = false;
  #closed = false;

  constructor(options: RedisOptions, role: ClientRole) {
    this.#options = options;
    this.#role = role;
  }

  get timeoutMs(): number {
    return this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  }

  get isReady(): boolean {
    return this.#client?.status === 'ready';
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_UNAVAILABLE (or `code`), by the name of whoever it is for */
  async open(
    name: string,
    code: 'THRUN_TRANSPORT_UNAVAILABLE' | 'THRUN_STORE_UNAVAILABLE' = 'THRUN_TRANSPORT_UNAVAILABLE',
  ): Promise<void> {
    const unavailable = (cause: Error) =>
      new ThrunError(code, [name, `${addressOf(this.#options)}: ${cause.message}`], { cause });
    try {
      await this.start();
    } catch (error) {
      throw unavailable(error as Error);
    }
    const refusal = await this.#firstAnswer();
    if (refusal === undefined) return;
    await this.close();
    throw unavailable(refusal);
  }

  /** Tells `listener` of outages. Returns a function that ends it. */
  listen(listener: ConnectionListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Sends once. @throws {RedisFailure} with what is known of the command's fate; a connection that does not answer is
   * replaced.
   */
  async run<Reply>(send: (client: Client) => Promise<Reply>): Promise<Reply> {
    const client = this.#client;
    try {
      if (client?.status !== 'ready')
        throw new RedisFailure('not_sent', this.#lastError?.message ?? 'it is not connected');
      return await send(client);
    } catch (error) {
      const failure = failureOf(error);
      // A socket that has ended passes for ready until its end is heard of. Whoever tries again at once would never let
      // that happen: promises go before events.
      if (failure.outcome !== 'refused') await pause(FAILURE_MS);
      // Of a cluster that lost one node, or has only begun to connect to it, the others are as good as before.
      if (failure.isSilence && client === this.#client && client?.status === 'ready') this.replace();
      throw failure;
    }
  }

  /** What `send` sends before it returns leaves in one piece: each is a call of the system, and one more turn of the server. */
  together<Result>(send: () => Result): Result {
    const socket = this.#client && 'stream' in this.#client ? this.#client.stream : undefined;
    socket?.cork();
    try {
      return send();
    } finally {
      socket?.uncork();
    }
  }

  /** Resolves when there is a connection, after `ms`, or when `signal` aborts; tells whether there is one. */
  async ready(ms: number, signal?: AbortSignal): Promise<boolean> {
    if (this.isReady || this.#closed || signal?.aborted || ms <= 0) return this.isReady;
    await new Promise<void>((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const timer = setTimeout(done, Math.min(ms, 2 ** 31 - 1));
      timer.unref();
      this.#waiting.add(done);
      signal?.addEventListener('abort', done, { once: true });
    });
    return this.isReady;
  }

  /**
   * Another connection to this server was not answered. Where this one is not either, within `ms`, it is replaced: somebody
   * who has nothing to send would not notice. In a Cluster the other one may be to another node, which says nothing.
   */
  async check(ms: number): Promise<void> {
    const client = this.#client;
    if (client?.status !== 'ready' || client.isCluster) return;
    const ping = client.ping().then(
      () => true,
      () => true,
    );
    const answered = await Promise.race([ping, silence(ms)]);
    if (!answered && client === this.#client) this.replace();
  }

  /** Throws the client away, whatever it is doing, and begins anew. */
  replace(): void {
    const old = this.#client;
    this.#client = undefined;
    old?.disconnect();
    this.#tellLost(new Error('it does not answer'));
    void this.start().catch(() => undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wake();
    const client = this.#client;
    this.#client = undefined;
    if (!client) return;
    // One that waits for its next try, or never began, ends without saying so.
    const says = ['ready', 'connect', 'connecting'].includes(client.status);
    const ended = new Promise<void>((resolve) => {
      client.once('end', resolve);
      setTimeout(resolve, says ? CLOSE_MS : 0);
    });
    client.disconnect();
    await ended;
  }

  /** Begins to connect, and goes on until it is closed. Rejects only when the options are wrong. */
  async start(): Promise<void> {
    if (this.#client) return;
    const client = await createClient(this.#options, this.#role);
    // Others may have begun meanwhile.
    if (this.#closed || this.#client) return;
    this.#client = client;
    const isCurrent = () => client === this.#client && !this.#closed;
    client.on('error', (error: Error) => {
      if (isCurrent()) this.#lastError = readable(error);
    });
    client.on('close', () => {
      if (isCurrent()) this.#tellLost(this.#lastError ?? new Error('the connection was closed'));
    });
    client.on('ready', () => {
      if (isCurrent()) this.#tellFound();
    });
    client.on('end', () => {
      // It does not come back by itself.
      if (isCurrent()) setTimeout(() => isCurrent() && this.replace(), REPLACE_MS).unref();
    });
    client.connect().catch(() => undefined);
  }

  /** @returns why it cannot be used, undefined: it can */
  async #firstAnswer(): Promise<Error | undefined> {
    const client = this.#client;
    if (!client) return new Error('it was closed');
    let forget: () => void = () => undefined;
    const refused = new Promise<Error>((resolve) => {
      const refuse = () => resolve(this.#lastError ?? new Error('the connection was closed'));
      client.on('close', refuse);
      forget = () => client.off('close', refuse);
    });
    const answered = this.ready(this.timeoutMs).then((isReady) =>
      isReady ? undefined : (this.#lastError ?? Object.assign(new Error('it does not answer'), { code: 'ETIMEDOUT' })),
    );
    const why = await Promise.race([answered, refused]);
    forget();
    return why;
  }

  #tellLost(error: Error): void {
    if (this.#lost) return;
    this.#lost = true;
    for (const listener of this.#listeners) listener.lost(error);
  }

  #tellFound(): void {
    this.#lastError = undefined;
    this.#wake();
    if (!this.#lost) return;
    this.#lost = false;
    for (const listener of this.#listeners) listener.found();
  }

  #wake(): void {
    for (const wake of [...this.#waiting]) wake();
  }
}

/** Errors of connecting, without the commands and passwords that the client hangs on them. */
function readable(error: Error & { readonly lastNodeError?: Error }): Error {
  const { message, code } = (error.lastNodeError ?? error) as NodeJS.ErrnoException;
  return Object.assign(new Error(message === '' ? 'it cannot be reached' : message), code !== undefined && { code });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function silence(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(resolve, ms, false).unref());
}
