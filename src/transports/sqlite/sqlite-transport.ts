import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Clock, systemClock } from '../../contracts/clock.js';
import type { DeadLetterAccess } from '../../contracts/dead-letter.js';
import { ThrunError } from '../../contracts/errors.js';
import type {
  ConsumeOptions,
  Consumer,
  OutgoingMessage,
  QueueAccess,
  Transport,
  TransportTraits,
} from '../../contracts/transport.js';
import { SqliteConsumer } from './sqlite-consumer.js';
import { SqliteDeadLetters } from './sqlite-dead-letters.js';
import { type Database, openDatabase } from './sqlite-driver.js';
import { append, queueNumber } from './sqlite-log.js';
import type { SqliteOptions } from './sqlite-options.js';
import { SqliteQueues } from './sqlite-queues.js';
import { prepareDatabase } from './sqlite-schema.js';
import { prepareStatements, type Statements } from './sqlite-statements.js';
import { tidy } from './sqlite-tidy.js';
import { Waker } from './sqlite-waker.js';
import { Writer } from './sqlite-writer.js';

/** The embedded transport: one SQLite file shared by any number of processes of one machine. See README.md beside. */
export class SqliteTransport implements Transport {
  readonly name = 'sqlite';
  readonly traits: TransportTraits;
  readonly #path: string;
  readonly #options: SqliteOptions;
  readonly #clock: Clock;
  readonly #consumers = new Set<Consumer>();
  #opening: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  #closed = false;

  constructor(options: SqliteOptions, clock: Clock = systemClock) {
    this.#path = resolve(options.path);
    this.#options = options;
    this.#clock = clock;
    this.traits = {
      fanOut: true,
      atomicPublish: true,
      publishSurvives: options.durability === 'normal' ? 'process-crash' : 'power-loss',
      ordered: true,
      persistent: true,
      multiProcess: true,
    };
  }

  async open(): Promise<void> {
    await this.#connect();
  }

  async publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return;
    const { statements, writer } = this.#connection ?? (await this.#connect());
    const write = () => append(statements, queueNumber(statements, queue), messages, this.#clock.now());
    await writer.run(write, { durable: true });
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const connection = await this.#connect();
    const consumer: Consumer = await SqliteConsumer.open(options, {
      ...connection,
      clock: this.#clock,
      tidy: () => tidy(connection.database, this.#path),
      onClose: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    const connection = await this.#opening?.catch(() => undefined);
    this.#opening = undefined;
    this.#connection = undefined;
    connection?.waker.close();
    connection?.database.close();
  }

  get deadLetters(): DeadLetterAccess {
    return this.#ability((connection) => new SqliteDeadLetters(connection));
  }

  get queues(): QueueAccess {
    return this.#ability((connection) => new SqliteQueues(connection));
  }

  #ability<Ability>(make: (parts: Connection & { now: () => number }) => Ability): Ability {
    if (!this.#connection) throw new ThrunError('THRUN_TRANSPORT_CLOSED', ['sqlite']);
    return make({ ...this.#connection, now: () => this.#clock.now() });
  }

  #connect(): Promise<Connection> {
    if (this.#closed) throw new ThrunError('THRUN_TRANSPORT_CLOSED', ['sqlite']);
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<Connection> {
    const { durability = 'full', busyMs = 10_000 } = this.#options;
    let database: Database | undefined;
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      if (statSync(this.#path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
      database = await openDatabase(this.#path);
      const store = prepareDatabase(database, this.#path, durability);
      const waker = new Waker(database, this.#path);
      const writer = new Writer(database, { durability, busyMs, onCommit: () => waker.changed() });
      this.#connection = { database, store, waker, writer, statements: prepareStatements(database) };
      return this.#connection;
    } catch (cause) {
      database?.close();
      if (cause instanceof ThrunError) throw cause;
      throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', ['sqlite', `${this.#path}: ${(cause as Error).message}`], { cause });
    }
  }
}

interface Connection {
  readonly database: Database;
  readonly store: string;
  readonly statements: Statements;
  readonly writer: Writer;
  readonly waker: Waker;
}
