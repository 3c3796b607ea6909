import { type Clock, systemClock } from '../contracts/clock.js';
import type { DeadLetterAccess } from '../contracts/dead-letter.js';
import { ThrunError } from '../contracts/errors.js';
import type {
  BrokerChecks,
  ConsumeOptions,
  Consumer,
  Holder,
  OutgoingMessage,
  QueueAccess,
  Transport,
  TransportTraits,
} from '../contracts/transport.js';
import { RedisChecks } from './redis-checks.js';
import { RedisConsumer, type Source } from './redis-consumer.js';
import { type DeadLetterParts, RedisDeadLetters } from './redis-dead-letters.js';
import { QueueKeys } from './redis-keys.js';
import { told } from './redis-failure.js';
import type { RedisOptions } from './redis-options.js';
import { bury } from './redis-parcel-scripts.js';
import type { Sending } from './redis-publisher.js';
import { type Kind, TYPE_OF } from './redis-registry.js';
import { RedisSession } from './redis-session.js';

/** What differs between the kinds of queues in Redis. */
export interface QueueKind {
  readonly kind: Kind;
  /** The transport's. */
  readonly name: string;
  readonly traits: TransportTraits;
  queues(parts: DeadLetterParts): QueueAccess;
  /** Makes messages of one queue ready to be sent. */
  prepare(session: RedisSession, queue: string, messages: readonly OutgoingMessage[]): Sending;
  /** Registers the group on the queue. */
  join(session: RedisSession, options: ConsumeOptions, keys: QueueKeys): Promise<Source>;
}

/** A transport over Redis, but for the kind of its queues. */
export class RedisTransport implements Transport {
  readonly name: string;
  readonly traits: TransportTraits;
  readonly deadLetters: DeadLetterAccess;
  readonly queues: QueueAccess;
  readonly checks: BrokerChecks;
  protected readonly session: RedisSession;
  readonly #kind: QueueKind;
  readonly #clock: Clock;

  protected constructor(kind: QueueKind, options: RedisOptions, clock: Clock = systemClock) {
    this.name = kind.name;
    this.traits = kind.traits;
    this.#kind = kind;
    this.#clock = clock;
    this.session = new RedisSession(options, {
      transport: kind.name,
      kind: kind.kind,
      prepare: (queue, messages) => kind.prepare(this.session, queue, messages),
    });
    this.deadLetters = new RedisDeadLetters(this.session.parts);
    this.queues = kind.queues(this.session.parts);
    this.checks = new RedisChecks(() => this.session.open());
  }

  get version(): string | undefined {
    return this.session.version;
  }

  async open(): Promise<void> {
    await this.session.open();
  }

  publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    return this.session.publish(queue, messages);
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_UNAVAILABLE, THRUN_TRANSPORT_REFUSED */
  consume(options: ConsumeOptions): Promise<Consumer> {
    return this.#consume(options).catch((error: unknown) => {
      throw told(this.name, error);
    });
  }

  async #consume(options: ConsumeOptions): Promise<Consumer> {
    const connection = await this.session.open();
    const { queue, group } = options;
    await this.#refuseOtherTypes(queue);
    const keys = new QueueKeys(queue);
    const source = await this.#kind.join(this.session, options, keys);
    const channels = [keys.scheduled, keys.group(group).due];
    const waiter = this.session.waiter({ queue, group, channels, block: (client, ms) => source.wait(client, ms) });
    const consumer: RedisConsumer = new RedisConsumer(options, {
      connection,
      waiter: waiter.use(),
      source,
      clock: this.#clock,
      onClose: () => this.session.closed(consumer, waiter),
    });
    return this.session.opened(consumer, options);
  }

  async bury({ queue, group, holder }: Holder): Promise<void> {
    const { leases, due, consumers } = new QueueKeys(queue).group(group);
    const connection = await this.session.parts.connection();
    await connection.run((client) => bury.run(client, [leases, due, consumers], [holder]));
  }

  close(): Promise<void> {
    return this.session.close();
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_REFUSED when the key holds something else */
  async #refuseOtherTypes(queue: string): Promise<void> {
    const own = TYPE_OF[this.#kind.kind];
    const type = await this.session.connection.run((client) => client.type(queue));
    if (type === own || type === 'none') return;
    const what = `the key ${JSON.stringify(queue)} holds a ${type} and no ${own}; rename the queue, or see who uses that key`;
    throw new ThrunError('THRUN_TRANSPORT_REFUSED', [this.name, what]);
  }
}
