import { type Clock, systemClock } from '../../contracts/clock.js';
import type { DeadLetterAccess } from '../../contracts/dead-letter.js';
import type { HistoryAccess } from '../../contracts/history.js';
import type {
  BrokerChecks,
  ConsumeOptions,
  Consumer,
  Holder,
  OutgoingMessage,
  QueueAccess,
  Transport,
  TransportTraits,
} from '../../contracts/transport.js';
import { codeOf, GONE, type KafkaClient } from './kafka-client.js';
import { KafkaChecks } from './kafka-checks.js';
import { KafkaHistory } from './kafka-history.js';
import { KafkaDeadLetters } from './kafka-dead-letters.js';
import { KafkaQueues } from './kafka-queues.js';
import { KafkaConsumer } from './kafka-consumer.js';
import { closed, errorFor } from './kafka-errors.js';
import { Members } from './kafka-members.js';
import type { KafkaOptions } from './kafka-options.js';
import { groupId } from './kafka-names.js';
import { Parcels } from './kafka-parcels.js';
import { Registry } from './kafka-registry.js';
import { Sender } from './kafka-sender.js';
import { Topics } from './kafka-topics.js';
import { KafkajsClient } from './client/kafkajs-client.js';

/** At its close its groups have this long to be told; those that are not find out by themselves. */
const CLOSING_MS = 5000;

/** Topics and consumer groups on Kafka 3.9 and 4, tested on 3.9.2 and 4.4. What it promises and what it cannot: README.md. */
export class KafkaTransport implements Transport {
  readonly name = 'kafka';
  readonly traits: TransportTraits = {
    fanOut: true,
    atomicPublish: false,
    publishSurvives: 'process-crash',
    ordered: false,
    persistent: true,
    multiProcess: true,
  };
  readonly deadLetters: DeadLetterAccess;
  readonly queues: QueueAccess;
  readonly checks: BrokerChecks;
  readonly history: HistoryAccess;
  readonly #client: KafkaClient;
  readonly #clock: Clock;
  readonly #topics: Topics;
  readonly #parcels: Parcels;
  readonly #sender: Sender;
  readonly #registry: Registry;
  readonly #members: Members;
  readonly #consumers = new Set<KafkaConsumer>();
  /** Of which this process has heard. */
  readonly #queues: Set<string>;
  readonly #publishing = new Set<Promise<void>>();
  #closed: Promise<void> | undefined;

  constructor(options: KafkaOptions, clock: Clock = systemClock, client: KafkaClient = new KafkajsClient(options)) {
    this.#client = client;
    this.#clock = clock;
    this.#topics = new Topics(client, options.topics);
    this.#parcels = new Parcels(this.#topics, clock);
    this.#sender = new Sender(client, this.#topics, clock, options.timeoutMs);
    this.#registry = new Registry(client, this.#topics);
    const { heartbeatMs } = options;
    const parts = { client, parcels: this.#parcels, sender: this.#sender, clock };
    this.#members = new Members({ ...parts, heartbeatMs });
    this.#queues = new Set(options.queues);
    this.deadLetters = new KafkaDeadLetters(parts);
    this.checks = new KafkaChecks({ client, topics: this.#topics, queues: this.#queues });
    this.history = new KafkaHistory({ ...parts, registry: this.#registry });
    this.queues = new KafkaQueues({ ...parts, members: this.#members, queues: this.#queues });
  }

  async open(): Promise<void> {
    this.#refuseWhenClosed();
    await this.#client.open().catch((error: unknown) => {
      throw errorFor(error);
    });
  }

  async publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    this.#refuseWhenClosed();
    this.#queues.add(queue);
    if (messages.length === 0) return;
    const publishing = this.#publish(queue, messages).catch((error: unknown) => {
      // Nothing of it is anywhere, then: it is addressed anew, to topics that are made anew.
      if (codeOf((error as Error).cause) === GONE) return this.#publish(queue, messages);
      throw error;
    });
    this.#publishing.add(publishing);
    const done = () => this.#publishing.delete(publishing);
    publishing.then(done, done);
    await publishing;
  }

  async #publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    await this.#sender.send(await this.#parcels.published(queue, messages));
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#refuseWhenClosed();
    this.#queues.add(options.queue);
    const topics = await this.#registry.register(options.queue, options.group);
    const { member, leave } = this.#members.of(options, topics, () =>
      this.#registry.renew(options.queue, options.group),
    );
    const consumer = new KafkaConsumer({
      member,
      onClose: (one) => {
        this.#consumers.delete(one);
        leave();
      },
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  /** It leaves the group, which it cannot do itself any more: the group need not wait for its session to end. */
  async bury({ queue, group, holder }: Holder): Promise<void> {
    this.#refuseWhenClosed();
    const link = this.#client.member(groupId(queue, group));
    try {
      await link.leave({ memberId: holder, generation: -1 });
    } catch (error) {
      if (codeOf(error) !== 'UNKNOWN_MEMBER_ID') throw errorFor(error);
    } finally {
      await link.close();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const leaving = this.#leave();
    await Promise.race([leaving, new Promise<void>((resolve) => void this.#clock.after(CLOSING_MS, resolve))]);
    await Promise.allSettled(this.#publishing);
    await this.#client.close();
    await leaving;
  }

  async #leave(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#members.close();
    await Promise.allSettled(this.#publishing);
    await this.#sender.close();
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw closed();
  }
}
