import { mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { type Clock, systemClock } from '../../contracts/clock.js';
import type { DeadLetterAccess } from '../../contracts/dead-letter.js';
import { ThrunError } from '../../contracts/errors.js';
import type {
  ConsumeOptions,
  Consumer,
  Holder,
  OutgoingMessage,
  QueueAccess,
  Transport,
  TransportNotice,
  TransportTraits,
} from '../../contracts/transport.js';
import { type Database, openDatabase, sqliteVersion } from '../../sqlite/driver.js';
import { type Connection, connect } from './sqlite-connection.js';
import { SqliteConsumer } from './sqlite-consumer.js';
import { SqliteDeadLetters } from './sqlite-dead-letters.js';
import { append, queueNumber } from './sqlite-log.js';
import type { SqliteOptions } from './sqlite-options.js';
import { SqliteQueues } from './sqlite-queues.js';

const DURABLE = { durable: true } as const;

/** The embedded transport: one SQLite file shared by any number of processes of one machine. See README.md beside. */
export class SqliteTransport implements Transport {
  readonly name = 'sqlite';
  readonly traits: TransportTraits;
  readonly deadLetters: DeadLetterAccess;
  readonly queues: QueueAccess;
  /** For `thrun doctor`; undefined until it is open. */
  version: string | undefined;
  readonly #path: string;
  readonly #options: SqliteOptions;
  readonly #clock: Clock;
  readonly #consumers = new Map<Consumer, ConsumeOptions>();
  #opening: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  #closed: Promise<void> | undefined;

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
    const parts = { connection: () => this.#connect(), now: () => clock.now() };
    this.deadLetters = new SqliteDeadLetters(parts);
    this.queues = new SqliteQueues(parts);
  }

  async open(): Promise<void> {
    await this.#connect();
  }

  publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    // Not awaited where it is there: each turn of a promise shows in publishes one by one.
    const append = (connection: Connection) => this.#append(connection, queue, messages);
    return this.#connection ? append(this.#connection) : this.#connect().then(append);
  }

  #append({ statements, writer }: Connection, queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    if (messages.length === 0) return Promise.resolve();
    return writer.run(() => append(statements, queue, messages, this.#clock.now()), DURABLE);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const connection = await this.#connect();
    const consumer: Consumer = await SqliteConsumer.open(options, {
      ...connection,
      clock: this.#clock,
      tidy: () => connection.tidier.tidy(),
      onClose: () => this.#consumers.delete(consumer),
    });
    this.#consumers.set(consumer, options);
    if (this.#closed) {
      await consumer.close();
      throw new ThrunError('THRUN_TRANSPORT_CLOSED', ['sqlite']);
    }
    return consumer;
  }

  async bury({ queue, group, holder }: Holder): Promise<void> {
    const { statements, writer } = await this.#connect();
    await writer.run(() => {
      statements.extendLeases.run(0, holder);
      statements.extendParcels.run(0, queueNumber(statements, queue), group, holder);
    });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const connection = await this.#opening?.catch(() => undefined);
    this.#connection = undefined;
    await Promise.all([...this.#consumers.keys()].map((consumer) => consumer.close()));
    await connection?.writer.close();
    connection?.waker.close();
    connection?.tidier.finish();
    connection?.database.close();
    // With them go the statements, for which the packaged driver keeps the file open.
    this.#opening = undefined;
  }

  async #connect(): Promise<Connection> {
    if (this.#closed) throw new ThrunError('THRUN_TRANSPORT_CLOSED', ['sqlite']);
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #open(): Promise<Connection> {
    let database: Database | undefined;
    try {
      mkdirSync(dirname(this.#path), { recursive: true });
      if (statSync(this.#path, { throwIfNoEntry: false })?.isDirectory()) throw new Error('it is a folder');
      database = await openDatabase(this.#path);
      const connection = connect(database, this.#path, this.#options, this.#tellStuck);
      this.version = `SQLite ${sqliteVersion(database)}`;
      if (!this.#closed) this.#connection = connection;
      return connection;
    } catch (cause) {
      database?.close();
      if (cause instanceof ThrunError) throw cause;
      throw new ThrunError('THRUN_TRANSPORT_UNAVAILABLE', ['sqlite', `${this.#path}: ${(cause as Error).message}`], {
        cause,
      });
    }
  }

  readonly #tellStuck = (): void => {
    const message = `another program has held the lock of ${this.#path} for long; nothing can be written until it ends its transaction`;
    const notice: TransportNotice = { kind: 'degraded', message };
    for (const { onNotice } of this.#consumers.values()) onNotice(notice);
  };
}
