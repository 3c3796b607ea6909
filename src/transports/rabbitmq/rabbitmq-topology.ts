import type { Channel } from 'amqplib';
import { closeChannel } from './rabbitmq-channel.js';
import { refused, textOf } from './rabbitmq-errors.js';
import type { Link } from './rabbitmq-link.js';
import { exchangeName, groupNames, inboxExchange, inboxName, waitName } from './rabbitmq-names.js';

/**
 * So often a message may take down whoever receives it before the broker buries it by itself. Far beyond what a worker
 * allows: it is for messages that kill before anybody could count.
 */
const DELIVERY_LIMIT = 30;

/** How long a suspect whose worker died waits until it is received again. */
const SUSPECT_MS = 500;

/** Declares what is used, once for each connection, and again after it was lost. Everything is durable. */
export class Topology {
  readonly #link: Link;
  readonly #declared = new Map<string, Promise<void>>();

  constructor(link: Link) {
    this.#link = link;
    link.listen(({ kind }) => {
      if (kind === 'down') this.forget();
    });
  }

  /** Something is not there any more: everything is declared anew when it is next used. */
  forget(): void {
    this.#declared.clear();
  }

  /** The exchange has no arguments at all, so that every program may declare it as well without knowing ours. */
  exchange(queue: string): Promise<void> {
    return this.#once(`exchange ${queue}`, async (channel) => {
      await channel.assertExchange(exchangeName(queue), 'topic', { durable: true });
    });
  }

  async inbox(queue: string): Promise<void> {
    await this.exchange(queue);
    await this.#once(`inbox ${queue}`, async (channel) => {
      // What is rejected here the broker passes on to the exchange by itself, in one step.
      await channel.assertQueue(inboxName(queue), quorum(deadLettersTo(exchangeName(queue))));
      await channel.assertExchange(inboxExchange(queue), 'fanout', { durable: true });
      await channel.bindQueue(inboxName(queue), inboxExchange(queue), '');
    });
  }

  /** Registers the group: from now on everything that is published reaches it. */
  async group(queue: string, group: string): Promise<void> {
    await Promise.all([this.inbox(queue), this.again(queue, group)]);
    const { main, dead } = groupNames(queue, group);
    await this.#once(main, async (channel) => {
      await channel.assertQueue(main, quorum({ ...deadLettersTo('', dead), 'x-delivery-limit': DELIVERY_LIMIT }));
      await channel.bindQueue(main, exchangeName(queue), '#');
    });
  }

  /** Where what is the group's alone goes. It does not register the group. */
  async again(queue: string, group: string): Promise<void> {
    await this.dead(queue, group);
    const { again, dead } = groupNames(queue, group);
    await this.#once(again, async (channel) => {
      await channel.assertQueue(again, quorum({ ...deadLettersTo('', dead), 'x-delivery-limit': DELIVERY_LIMIT }));
    });
  }

  dead(queue: string, group: string): Promise<void> {
    const { dead } = groupNames(queue, group);
    return this.#once(dead, async (channel) => {
      // From 4.0 on a queue without a limit gets one, and reading dead letters counts.
      const unlimited = this.#link.serverMajor >= 4 ? { 'x-delivery-limit': -1 } : {};
      await channel.assertQueue(dead, quorum(unlimited));
    });
  }

  /** A suspect that nobody holds any more goes back to the group, with what it carries. */
  async suspect(queue: string, group: string): Promise<void> {
    await this.again(queue, group);
    const { suspect, again } = groupNames(queue, group);
    await this.#once(suspect, async (channel) => {
      await channel.assertQueue(suspect, quorum({ ...deadLettersTo('', again), 'x-message-ttl': SUSPECT_MS }));
    });
  }

  /** One queue for each length of the ladder: within a queue messages expire in turn, so they all wait equally long. */
  async wait(queue: string, ms: number): Promise<void> {
    await this.inbox(queue);
    const name = waitName(queue, undefined, ms);
    await this.#once(name, async (channel) => {
      await channel.assertQueue(name, quorum({ ...deadLettersTo(inboxExchange(queue)), 'x-message-ttl': ms }));
      await channel.assertExchange(name, 'fanout', { durable: true });
      await channel.bindQueue(name, name, '');
    });
  }

  async waitAgain(queue: string, group: string, ms: number): Promise<void> {
    await this.again(queue, group);
    const name = waitName(queue, group, ms);
    await this.#once(name, async (channel) => {
      await channel.assertQueue(
        name,
        quorum({ ...deadLettersTo('', groupNames(queue, group).again), 'x-message-ttl': ms }),
      );
    });
  }

  #once(what: string, declare: (channel: Channel) => Promise<void>): Promise<void> {
    let declaring = this.#declared.get(what);
    if (!declaring) {
      declaring = this.#declare(declare);
      this.#declared.set(what, declaring);
      declaring.catch(() => this.#declared.delete(what));
    }
    return declaring;
  }

  /** On a channel of its own: a refusal closes it. */
  async #declare(declare: (channel: Channel) => Promise<void>): Promise<void> {
    const channel = await this.#link.channel();
    try {
      await declare(channel);
      void closeChannel(channel);
    } catch (error) {
      // Without a code the connection was lost on the way, which is no refusal.
      throw typeof (error as { code?: unknown }).code === 'number' ? refused(textOf(error), error) : error;
    }
  }
}

function quorum(more: object) {
  return { durable: true, arguments: { 'x-queue-type': 'quorum', ...more } };
}

/** Confirmed from queue to queue: an ordinary dead-lettering is lost when the broker dies. Default: the key stays. */
function deadLettersTo(exchange: string, routingKey?: string) {
  return {
    'x-dead-letter-exchange': exchange,
    ...(routingKey !== undefined && { 'x-dead-letter-routing-key': routingKey }),
    'x-dead-letter-strategy': 'at-least-once',
    'x-overflow': 'reject-publish',
  };
}
