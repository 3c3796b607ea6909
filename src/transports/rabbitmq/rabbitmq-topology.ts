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

/** From 4.0 on a queue without a limit gets one of 20, and looking at dead letters counts. Before, this is not understood. */
const UNLIMITED = { 'x-delivery-limit': -1 };

/** How long a suspect whose worker died waits until it is received again. */
const SUSPECT_MS = 500;

/** Declares what is used, once for each connection, and again after it was lost. Everything is durable. */
export class Topology {
  readonly #link: Link;
  readonly #declared = new Map<string, Promise<void>>();
  /** Queues of dead letters that are older than RabbitMQ 4. */
  readonly #limited = new Set<string>();

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
  exchange(queue: string, by?: Channel): Promise<void> {
    const declare = async (channel: Channel) => {
      await channel.assertExchange(exchangeName(queue), 'topic', { durable: true });
    };
    return this.#once(`exchange ${queue}`, declare, by);
  }

  async inbox(queue: string, by?: Channel): Promise<void> {
    await this.exchange(queue, by);
    const declare = async (channel: Channel) => {
      // What is rejected here the broker passes on to the exchange by itself, in one step.
      await channel.assertQueue(inboxName(queue), quorum(deadLettersTo(exchangeName(queue))));
      await channel.assertExchange(inboxExchange(queue), 'fanout', { durable: true });
      await channel.bindQueue(inboxName(queue), inboxExchange(queue), '');
    };
    await this.#once(`inbox ${queue}`, declare, by);
  }

  /** Registers the group: from now on everything that is published reaches it. By the channels given, side by side. */
  async group(queue: string, group: string, channel: Channel, beside: Channel): Promise<void> {
    // Another consumer may wait for an answer that comes by these: they have all come when this is over.
    const ends = await Promise.allSettled([this.inbox(queue, beside), this.#register(queue, group, channel)]);
    for (const end of ends) if (end.status === 'rejected') throw end.reason;
  }

  async #register(queue: string, group: string, by: Channel): Promise<void> {
    await this.again(queue, group, by);
    const { main, dead } = groupNames(queue, group);
    const declare = async (channel: Channel) => {
      await channel.assertQueue(main, quorum({ ...deadLettersTo('', dead), 'x-delivery-limit': DELIVERY_LIMIT }));
      await this.inbox(queue);
      await channel.bindQueue(main, exchangeName(queue), '#');
    };
    await this.#once(main, declare, by);
  }

  /** Where what is the group's alone goes. It does not register the group. */
  async again(queue: string, group: string, by?: Channel): Promise<void> {
    await this.dead(queue, group, by);
    const { again, dead } = groupNames(queue, group);
    const declare = async (channel: Channel) => {
      await channel.assertQueue(again, quorum({ ...deadLettersTo('', dead), 'x-delivery-limit': DELIVERY_LIMIT }));
    };
    await this.#once(again, declare, by);
  }

  dead(queue: string, group: string, by?: Channel): Promise<void> {
    const { dead } = groupNames(queue, group);
    const declare = async (channel: Channel) => {
      const isUnlimited = this.#link.isFrom(4) && !this.#limited.has(dead);
      try {
        await channel.assertQueue(dead, quorum(isUnlimited ? UNLIMITED : {}));
      } catch (error) {
        if (!isUnlimited || !textOf(error).includes("inequivalent arg 'x-delivery-limit'")) throw error;
        this.#limited.add(dead);
        // No refusal, but the channel is gone: the next attempt declares it as it was.
        throw new Error(`${dead} was made by a RabbitMQ before 4`, { cause: error });
      }
    };
    return this.#once(dead, declare, by);
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

  /** @param by a channel that is lost where the broker refuses. Default: one of its own */
  #once(what: string, declare: (channel: Channel) => Promise<void>, by?: Channel): Promise<void> {
    let declaring = this.#declared.get(what);
    if (!declaring) {
      declaring = by ? explained(declare(by)) : this.#declareApart(declare);
      this.#declared.set(what, declaring);
      declaring.catch(() => this.#declared.delete(what));
    }
    return declaring;
  }

  async #declareApart(declare: (channel: Channel) => Promise<void>): Promise<void> {
    const channel = await this.#link.channel();
    await explained(declare(channel));
    void closeChannel(channel);
  }
}

async function explained(declaring: Promise<void>): Promise<void> {
  try {
    await declaring;
  } catch (error) {
    // Without a code the connection was lost on the way, which is no refusal.
    throw typeof (error as { code?: unknown }).code === 'number' ? refused(textOf(error), error) : error;
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
