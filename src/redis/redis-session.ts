import { ThrunError } from '../contracts/errors.js';
import type { ConsumeOptions, OutgoingMessage } from '../contracts/transport.js';
import type { Client } from './redis-client.js';
import { type Asked, RedisConnection } from './redis-connection.js';
import type { RedisConsumer } from './redis-consumer.js';
import type { DeadLetterParts } from './redis-dead-letters.js';
import { told } from './redis-failure.js';
import type { RedisOptions } from './redis-options.js';
import { type Prepare, RedisPublisher, type Sending } from './redis-publisher.js';
import { type Kind, QueueRegistry } from './redis-registry.js';
import { versionIn } from './redis-version.js';
import { type News, RedisWaiter } from './redis-waiter.js';

export interface SessionOptions {
  /** The transport's name. */
  readonly transport: string;
  readonly kind: Kind;
  readonly prepare: Prepare;
}

/** Where a wait was not answered, commands are to be within this. */
const CHECK_MS = 1500;

/** What every transport over Redis has open: its connections, consumers and publisher, and how they begin and end. */
export class RedisSession {
  readonly connection: RedisConnection;
  readonly registry: QueueRegistry;
  readonly parts: DeadLetterParts;
  /** The server and its version, once it is open. */
  version: string | undefined;
  readonly #redis: RedisOptions;
  readonly #options: SessionOptions;
  readonly #publisher: RedisPublisher;
  readonly #consumers = new Map<RedisConsumer, ConsumeOptions>();
  readonly #waiters = new Map<string, SharedWaiter>();
  #opening: Promise<RedisConnection> | undefined;
  #closed: Promise<void> | undefined;

  constructor(redis: RedisOptions, options: SessionOptions) {
    const { transport, kind } = options;
    this.#redis = redis;
    this.#options = options;
    this.connection = new RedisConnection(redis, { name: `thrun ${transport}` });
    this.registry = new QueueRegistry(this.connection, kind, redis.queues);
    const asked: Asked = {
      run: (send) =>
        this.connection.run(send).catch((error: unknown) => {
          throw told(transport, error);
        }),
    };
    this.parts = {
      connection: () => this.open().then(() => asked),
      registry: new QueueRegistry(asked, kind, redis.queues),
    };
    this.#publisher = new RedisPublisher(transport, this.connection, (queue, messages) =>
      this.#prepare(queue, messages),
    );
    this.connection.listen({
      lost: (error) => this.#tell({ kind: 'disconnected', error }),
      found: () => this.#found(),
    });
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_UNAVAILABLE, THRUN_TRANSPORT_REFUSED, THRUN_TRANSPORT_CLOSED */
  open(): Promise<RedisConnection> {
    if (this.#closed) return Promise.reject(this.#closedError());
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw told(this.#options.transport, error);
    });
    return this.#opening;
  }

  publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (this.#closed) return Promise.reject(this.#closedError());
    if (messages.length === 0) return Promise.resolve();
    if (this.#opening === undefined) return this.open().then(() => this.#publisher.publish(queue, messages));
    return this.#publisher.publish(queue, messages);
  }

  /** Something that is new there, as a publish is. @throws {ThrunError} as `publish` does */
  async write<Reply>(send: (client: Client) => Promise<Reply>): Promise<Reply> {
    const connection = await this.open();
    return this.#publisher.write({ send: () => connection.run(send) });
  }

  /** Consumers of one queue and group share a connection. */
  waiter({
    queue,
    group,
    ...news
  }: { readonly queue: string; readonly group: string } & Omit<News, 'onSilence'>): SharedWaiter {
    const name = JSON.stringify([queue, group]);
    const onSilence = () => void this.connection.check(Math.min(CHECK_MS, this.connection.timeoutMs));
    let waiter = this.#waiters.get(name);
    if (!waiter) {
      waiter = new SharedWaiter(
        () => new RedisWaiter(this.#redis, `thrun ${this.#options.transport} wait`, { ...news, onSilence }),
        () => this.#waiters.delete(name),
      );
      this.#waiters.set(name, waiter);
    }
    return waiter;
  }

  /** Closed meanwhile? Then it is closed as well. */
  async opened(consumer: RedisConsumer, options: ConsumeOptions): Promise<RedisConsumer> {
    this.#consumers.set(consumer, options);
    if (!this.#closed) return consumer;
    await consumer.close();
    throw this.#closedError();
  }

  async closed(consumer: RedisConsumer, waiter: SharedWaiter): Promise<void> {
    this.#consumers.delete(consumer);
    await waiter.release();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    await Promise.all([...this.#consumers.keys()].map((consumer) => consumer.close()));
    await this.#publisher.flush();
    await this.connection.close();
  }

  async #open(): Promise<RedisConnection> {
    const { transport } = this.#options;
    await this.connection.open(transport);
    const { name, problem } = versionIn(await this.connection.run((client) => client.info('server')));
    if (problem !== undefined) throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', [transport, problem]);
    this.version = name;
    return this.connection;
  }

  /** A queue is noted before it is published to for the first time. */
  #prepare(queue: string, messages: readonly OutgoingMessage[]): Sending {
    const sending = this.#options.prepare(queue, messages);
    if (this.registry.isKnown(queue)) return sending;
    return { ...sending, send: () => this.registry.tryAdd(queue).then(() => sending.send()) };
  }

  #found(): void {
    this.#tell({ kind: 'reconnected' });
    for (const consumer of this.#consumers.keys()) consumer.look();
  }

  #tell(notice: Parameters<ConsumeOptions['onNotice']>[0]): void {
    for (const { onNotice } of this.#consumers.values()) onNotice(notice);
  }

  #closedError(): ThrunError {
    return new ThrunError('THRUN_TRANSPORT_CLOSED', [this.#options.transport]);
  }
}

/** One waiter for all consumers of a queue in this process: each costs a connection. */
export class SharedWaiter {
  readonly #make: () => RedisWaiter;
  readonly #onUnused: () => void;
  #waiter: RedisWaiter | undefined;
  #users = 0;

  constructor(make: () => RedisWaiter, onUnused: () => void) {
    this.#make = make;
    this.#onUnused = onUnused;
  }

  use(): RedisWaiter {
    this.#users++;
    this.#waiter ??= this.#make();
    return this.#waiter;
  }

  async release(): Promise<void> {
    if (--this.#users > 0) return;
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#onUnused();
    await waiter?.close();
  }
}
