import { randomUUID } from 'node:crypto';
import type { Channel, GetMessage } from 'amqplib';
import { Acks } from './rabbitmq-acks.js';
import { closeChannel } from './rabbitmq-channel.js';
import type { Receipt, RabbitmqDelivery } from './rabbitmq-delivery.js';
import { OWN } from './rabbitmq-headers.js';
import { groupNames } from './rabbitmq-names.js';
import type { SessionParts } from './rabbitmq-session.js';

/**
 * A suspect that is about to run moves to a queue of its own, carrying the crash it would be. While its worker lives it is
 * held there unacknowledged; when the worker dies it expires from there to the group, the crash counted. What merely
 * waited beside it in the same worker was never there, and is not counted down with it.
 */
export class Suspects {
  #channel: Promise<{ readonly channel: Channel; readonly acks: Acks }> | undefined;
  #closed = false;

  constructor(private readonly parts: SessionParts) {}

  /** @returns how it is settled from now on; undefined: another worker has it already */
  async hold(delivery: RabbitmqDelivery): Promise<Receipt | undefined> {
    const { parcels, publisher, options } = this.parts;
    const { queue, group } = options;
    const { message, id, target, attempt, crashes } = delivery;
    const token = randomUUID();
    const counts = { target, attempts: attempt, crashes: crashes + 1, due: undefined };
    if (!(await delivery.receipt.acks.isAlive())) return undefined;
    await publisher.send([parcels.suspect(queue, group, message, id, counts, token)]);
    const { channel, acks } = await this.#open();
    const tag = await take(channel, groupNames(queue, group).suspect, token);
    return tag === undefined ? undefined : { acks, tag };
  }

  async flush(): Promise<void> {
    await (await this.#opened())?.acks.flush();
  }

  /** What is still held goes back to the group: nobody could settle it any more. */
  async close(): Promise<void> {
    this.#closed = true;
    const open = await this.#opened();
    if (open) await closeChannel(open.channel);
  }

  /** Where it could not be opened, whoever needed it was told. */
  #opened() {
    return this.#channel?.catch(() => undefined);
  }

  #open() {
    if (this.#closed) throw new Error('the link it came by was lost');
    this.#channel ??= this.parts.channel().then((channel) => {
      const acks = new Acks(channel, () => channel.prefetch(0), this.parts.onLost);
      channel.on('close', () => {
        this.#channel = undefined;
        acks.end();
      });
      return { channel, acks };
    });
    return this.#channel;
  }
}

/** The tag of the one with the token. The others go back, to expire. */
async function take(channel: Channel, queue: string, token: string): Promise<number | undefined> {
  const others: GetMessage[] = [];
  try {
    for (;;) {
      const message = await channel.get(queue);
      if (message === false) return undefined;
      if (message.properties.headers?.[OWN.token] === token) return message.fields.deliveryTag;
      others.push(message);
    }
  } finally {
    for (const message of others) channel.nack(message, false, true);
  }
}
