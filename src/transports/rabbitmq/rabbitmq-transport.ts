import { type Clock, systemClock } from '../../contracts/clock.js';
import type { DeadLetterAccess } from '../../contracts/dead-letter.js';
import type {
  BrokerChecks,
  ConsumeOptions,
  Consumer,
  OutgoingMessage,
  QueueAccess,
  Transport,
  TransportTraits,
} from '../../contracts/transport.js';
import { RabbitmqChecks } from './rabbitmq-checks.js';
import { RabbitmqConsumer } from './rabbitmq-consumer.js';
import { RabbitmqDeadLetters } from './rabbitmq-dead-letters.js';
import { closed } from './rabbitmq-errors.js';
import { Known } from './rabbitmq-known.js';
import { Link } from './rabbitmq-link.js';
import type { RabbitmqOptions } from './rabbitmq-options.js';
import { Parcels } from './rabbitmq-parcels.js';
import { Publisher } from './rabbitmq-publisher.js';
import { RabbitmqQueues } from './rabbitmq-queues.js';
import { Topology } from './rabbitmq-topology.js';

/** Quorum queues on a RabbitMQ 3.10 or later, without plugins. What it promises and what it cannot: README.md. */
export class RabbitmqTransport implements Transport {
  readonly name = 'rabbitmq';
  readonly traits: TransportTraits = {
    fanOut: true,
    atomicPublish: false,
    publishSurvives: 'power-loss',
    ordered: false,
    persistent: true,
    multiProcess: true,
  };
  readonly deadLetters: DeadLetterAccess;
  readonly queues: QueueAccess;
  readonly checks: BrokerChecks;
  readonly #clock: Clock;
  /** Apart: a broker short of memory stops reading from whoever publishes, and consuming has to go on. */
  readonly #publishing: Link;
  readonly #consuming: Link;
  readonly #topology: Topology;
  readonly #publisher: Publisher;
  readonly #parcels: Parcels;
  readonly #known: Known;
  readonly #consumers = new Set<RabbitmqConsumer>();
  #closed: Promise<void> | undefined;

  constructor(options: RabbitmqOptions, clock: Clock = systemClock) {
    this.#clock = clock;
    this.#publishing = new Link(options, 'publishing');
    this.#consuming = new Link(options, 'consuming');
    this.#topology = new Topology(this.#consuming);
    this.#publisher = new Publisher(this.#publishing, this.#topology, clock, options.timeoutMs);
    this.#known = new Known(options);
    this.#parcels = new Parcels(this.#topology, this.#known, clock);
    const parts = {
      link: this.#consuming,
      publishing: this.#publishing,
      topology: this.#topology,
      publisher: this.#publisher,
      parcels: this.#parcels,
      known: this.#known,
    };
    this.deadLetters = new RabbitmqDeadLetters(parts);
    this.checks = new RabbitmqChecks(parts);
    this.queues = new RabbitmqQueues({ ...parts, clock, consumers: this.#consumers });
  }

  async open(): Promise<void> {
    this.#refuseWhenClosed();
    await this.#consuming.open();
  }

  async publish(queue: string, messages: readonly OutgoingMessage[]): Promise<void> {
    this.#refuseWhenClosed();
    this.#known.see(queue);
    if (messages.length > 0) await this.#publisher.send(this.#parcels.published(queue, messages));
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#refuseWhenClosed();
    this.#known.see(options.queue, options.group);
    const consumer: RabbitmqConsumer = await RabbitmqConsumer.open(options, {
      link: this.#consuming,
      publishing: this.#publishing,
      topology: this.#topology,
      publisher: this.#publisher,
      parcels: this.#parcels,
      clock: this.#clock,
      onClose: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    return consumer;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#publisher.close();
    await Promise.all([this.#publishing.close(), this.#consuming.close()]);
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw closed();
  }
}
