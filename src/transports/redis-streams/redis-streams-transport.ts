import { type Clock, systemClock } from '../../contracts/clock.js';
import type { DeadLetterAccess } from '../../contracts/dead-letter.js';
import { ThrunError } from '../../contracts/errors.js';
import type { HistoryAccess } from '../../contracts/history.js';
import type {
  BrokerChecks,
  ConsumeOptions,
  Consumer,
  OutgoingMessage,
  QueueAccess,
  Transport,
  TransportTraits,
} from '../../contracts/transport.js';
import { RedisChecks } from '../../redis/redis-checks.js';
import { RedisConsumer } from '../../redis/redis-consumer.js';
import { RedisDeadLetters } from '../../redis/redis-dead-letters.js';
import { QueueKeys } from '../../redis/redis-keys.js';
import { RedisSession } from '../../redis/redis-session.js';
import type { Block } from '../../redis/redis-waiter.js';
import { FIELD } from './redis-streams-entry.js';
import { RedisStreamsHistory } from './redis-streams-history.js';
import { groupsOf } from './redis-streams-info.js';
import type { RedisStreamsOptions } from './redis-streams-options.js';
import { RedisStreamsQueues } from './redis-streams-queues.js';
import { add } from './redis-streams-scripts.js';
import { RedisStreamsSource } from './redis-streams-source.js';

/** A Redis stream: every group gets every event. See README.md beside. */
export class RedisStreamsTransport implements Transport {
  readonly name = 'redis-streams';
  readonly traits: TransportTraits = {
    fanOut: true,
    atomicPublish: true,
    publishSurvives: 'process-crash',
    ordered: true,
    persistent: true,
    multiProcess: true,
  };
  readonly deadLetters: DeadLetterAccess;
  readonly queues: QueueAccess;
  readonly checks: BrokerChecks;
  readonly history: HistoryAccess;
  readonly #session: RedisSession;
  readonly #historyMs: number;
  readonly #clock: Clock;

  constructor({ historyMs = 0, ...redis }: RedisStreamsOptions = {}, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#historyMs = historyMs;
    this.#session = new RedisSession(redis, {
      transport: this.name,
      kind: 'streams',
      publish: (queue, messages) => this.#add(queue, messages),
    });
    this.deadLetters = new RedisDeadLetters(this.#session.parts);
    this.queues = new RedisStreamsQueues(this.#session.parts);
    this.checks = new RedisChecks(this.#session.parts.connection);
    this.history = new RedisStreamsHistory(this.#session, historyMs);
  }

  get version(): string | undefined {
    return this.#session.version;
  }

  async open(): Promise<void> {
    await this.#session.open();
  }

  async publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    await this.#session.publish(queue, messages);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const connection = await this.#session.open();
    const { queue, group } = options;
    await this.#refuseOtherTypes(queue);
    const source = new RedisStreamsSource(this.#session, options, new QueueKeys(queue), this.#historyMs);
    await source.join(false);
    const waiter = this.#session.waiter(JSON.stringify([queue, group]), unread(queue, group));
    const consumer: RedisConsumer = new RedisConsumer(options, {
      connection,
      waiter: waiter.use(),
      source,
      clock: this.#clock,
      onClose: () => this.#session.closed(consumer, waiter),
    });
    return this.#session.opened(consumer, options);
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #add(queue: string, messages: readonly OutgoingMessage[]): Promise<unknown> {
    const { connection } = this.#session;
    const [first] = messages;
    if (messages.length === 1 && first && first.deliverAt === undefined) {
      const { buffer, byteOffset, byteLength } = first.body;
      return connection.run((client) => client.xadd(queue, '*', FIELD, Buffer.from(buffer, byteOffset, byteLength)));
    }
    const { seq, scheduled, scheduledBodies } = new QueueKeys(queue);
    const args = messages.flatMap(({ deliverAt = 0, body }) => [Math.ceil(deliverAt), body]);
    return connection.run((client) => add.run(client, [queue, seq, scheduled, scheduledBodies], args));
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_REFUSED when the key holds something else */
  async #refuseOtherTypes(queue: string): Promise<void> {
    const type = await this.#session.connection.run((client) => client.type(queue));
    if (type === 'stream' || type === 'none') return;
    const what = `the key ${JSON.stringify(queue)} holds a ${type} and no stream; rename the queue, or see who uses that key`;
    throw new ThrunError('THRUN_TRANSPORT_REFUSED', [this.name, what]);
  }
}

/** Whatever comes after the last that the group has read is new to it; reading on from there takes nothing. */
function unread(queue: string, group: string): Block {
  return async (client, ms) => {
    const last = (await groupsOf(client, queue)).get(group) ?? '0-0';
    return (await client.xread('COUNT', 1, 'BLOCK', ms, 'STREAMS', queue, last)) !== null;
  };
}
