import { type Clock, systemClock } from '../../contracts/clock.js';
import type { DeadLetterAccess } from '../../contracts/dead-letter.js';
import { ThrunError } from '../../contracts/errors.js';
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
import type { RedisListOptions } from './redis-list-options.js';
import { RedisListQueues } from './redis-list-queues.js';
import { schedule } from './redis-list-scripts.js';
import { RedisListSource } from './redis-list-source.js';

/** A Redis list that anybody can push to, and beside it what makes deliveries out of it. See README.md beside. */
export class RedisListTransport implements Transport {
  readonly name = 'redis-list';
  readonly traits: TransportTraits = {
    fanOut: false,
    atomicPublish: true,
    publishSurvives: 'process-crash',
    ordered: true,
    persistent: true,
    multiProcess: true,
  };
  readonly deadLetters: DeadLetterAccess;
  readonly queues: QueueAccess;
  readonly checks: BrokerChecks;
  readonly #session: RedisSession;
  readonly #clock: Clock;

  constructor(options: RedisListOptions = {}, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#session = new RedisSession(options, {
      transport: this.name,
      kind: 'list',
      publish: (queue, messages) => this.#push(queue, messages),
    });
    this.deadLetters = new RedisDeadLetters(this.#session.parts);
    this.queues = new RedisListQueues(this.#session.parts);
    this.checks = new RedisChecks(this.#session.parts.connection);
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
    const keys = new QueueKeys(options.queue);
    await this.#register(options, keys);
    const waiter = this.#session.waiter(options.queue, rotation(options.queue));
    const consumer: RedisConsumer = new RedisConsumer(options, {
      connection,
      waiter: waiter.use(),
      source: new RedisListSource(this.#session, options, keys),
      clock: this.#clock,
      onClose: () => this.#session.closed(consumer, waiter),
    });
    return this.#session.opened(consumer, options);
  }

  close(): Promise<void> {
    return this.#session.close();
  }

  #push(queue: string, messages: readonly OutgoingMessage[]): Promise<unknown> {
    const { connection } = this.#session;
    if (messages.every(({ deliverAt }) => deliverAt === undefined)) {
      const bodies = messages.map(({ body }) => bytes(body));
      return connection.run((client) => client.lpush(queue, ...bodies));
    }
    const { seq, scheduled, scheduledBodies } = new QueueKeys(queue);
    const args = messages.flatMap(({ deliverAt = 0, body }) => [Math.ceil(deliverAt), body]);
    return connection.run((client) => schedule.run(client, [queue, seq, scheduled, scheduledBodies], args));
  }

  /** @throws {ThrunError} THRUN_TRANSPORT_REFUSED when the key holds something else */
  async #register({ queue, group, onNotice }: ConsumeOptions, keys: QueueKeys): Promise<void> {
    const { connection, registry } = this.#session;
    const type = await connection.run((client) => client.type(queue));
    if (type !== 'list' && type !== 'none') {
      const what = `the key ${JSON.stringify(queue)} holds a ${type} and no list; rename the queue, or see who uses that key`;
      throw new ThrunError('THRUN_TRANSPORT_REFUSED', [this.name, what]);
    }
    await registry.add(queue);
    await connection.run((client) => client.hset(keys.groups, group, '1'));
    const groups = await connection.run((client) => client.hgetall(keys.groups));
    const others = Object.keys(groups).filter((name) => name !== group && groups[name] === '1');
    if (others.length === 0) return;
    const message = `the list ${queue} is also consumed by ${others.join(', ')}: each event goes to one of them only; give them queues of their own, or use redis-streams`;
    onNotice({ kind: 'degraded', message });
  }
}

/** A rotation by nothing: it blocks while the list is empty, and changes nothing when it is not. */
function rotation(list: string): Block {
  return async (client, ms) => (await client.blmove(list, list, 'RIGHT', 'RIGHT', ms / 1000)) !== null;
}

function bytes(body: Uint8Array): Buffer {
  return Buffer.isBuffer(body) ? body : Buffer.from(body.buffer, body.byteOffset, body.byteLength);
}
