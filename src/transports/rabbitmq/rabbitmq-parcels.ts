import { randomBytes } from 'node:crypto';
import type { Message, Options } from 'amqplib';
import type { Clock } from '../../contracts/clock.js';
import type { DeadLetter } from '../../contracts/dead-letter.js';
import type { Dead } from '../../contracts/delivery.js';
import type { OutgoingMessage } from '../../contracts/transport.js';
import { idOf } from './rabbitmq-delivery.js';
import { type Counts, copyProperties, countHeaders, deathHeaders, OWN } from './rabbitmq-headers.js';
import type { Known } from './rabbitmq-known.js';
import { rungFor } from './rabbitmq-ladder.js';
import { exchangeName, groupNames, inboxExchange, waitName } from './rabbitmq-names.js';
import type { Parcel } from './rabbitmq-outlet.js';
import type { Topology } from './rabbitmq-topology.js';

/** Addresses what is sent: the one place that knows which message goes where. */
export class Parcels {
  readonly #topology: Topology;
  readonly #known: Known;
  readonly #clock: Clock;
  readonly #prefix = randomBytes(9).toString('hex');
  #last = 0;

  constructor(topology: Topology, known: Known, clock: Clock) {
    this.#topology = topology;
    this.#known = known;
    this.#clock = clock;
  }

  /** What an application publishes: to every group, or to wait where there is none yet or it is not due. */
  published(queue: string, messages: readonly OutgoingMessage[]): Parcel[] {
    const now = this.#clock.now();
    const timestamp = Math.floor(now / 1000);
    const exchange = exchangeName(queue);
    const declare = () => this.#topology.exchange(queue);
    return messages.map(({ body, event, deliverAt }) => {
      const properties: Options.Publish = {
        contentType: 'application/json',
        messageId: this.newId(),
        timestamp,
        persistent: true,
        mandatory: true,
      };
      const bytes = bufferOf(body);
      if (deliverAt !== undefined && deliverAt > now) {
        const due = Math.ceil(deliverAt);
        return this.#wait(queue, event, bytes, { ...properties, headers: { [OWN.due]: due } }, due);
      }
      const otherwise = () => this.#inInbox(queue, event, bytes, properties);
      return { exchange, routingKey: event, body: bytes, properties, declare, otherwise };
    });
  }

  /** From the inbox to every group. */
  passedOn(queue: string, message: Message, id: string): Parcel {
    const { content, fields } = message;
    const properties = copyProperties(message, id, {});
    return {
      exchange: exchangeName(queue),
      routingKey: fields.routingKey,
      body: content,
      properties,
      declare: () => this.#topology.exchange(queue),
      otherwise: () => this.#inInbox(queue, fields.routingKey, content, properties),
    };
  }

  /** From the inbox to the next waiting queue. */
  waitingOn(queue: string, message: Message, id: string, due: number): Parcel {
    return this.#wait(
      queue,
      message.fields.routingKey,
      message.content,
      copyProperties(message, id, { [OWN.due]: due }),
      due,
    );
  }

  /** To the group alone, now or when it is due. */
  again(queue: string, group: string, message: Message, id: string, counts: Counts): Parcel {
    this.#known.see(queue, group);
    const properties = copyProperties(message, id, countHeaders(counts));
    const rung = counts.due === undefined ? undefined : rungFor(counts.due - this.#clock.now());
    if (rung === undefined) {
      return {
        ...defaultExchange(groupNames(queue, group).again, message.content, properties),
        declare: () => this.#topology.again(queue, group),
      };
    }
    return {
      ...defaultExchange(waitName(queue, group, rung), message.content, properties),
      declare: () => this.#topology.waitAgain(queue, group, rung),
      anew: () => this.again(queue, group, message, id, counts),
    };
  }

  /** To the suspects of the group, findable by `token`. */
  suspect(queue: string, group: string, message: Message, id: string, counts: Counts, token: string): Parcel {
    const own = { ...countHeaders(counts), [OWN.token]: token };
    return {
      ...defaultExchange(groupNames(queue, group).suspect, message.content, copyProperties(message, id, own)),
      declare: () => this.#topology.suspect(queue, group),
    };
  }

  dead(queue: string, group: string, message: Message, id: string, dead: Dead): Parcel {
    const diedAt = this.#clock.now();
    // Sorts by the time of death, also within a millisecond.
    const letter = `${diedAt.toString(36)}-${this.#prefix.slice(0, 4)}-${(++this.#last).toString(36).padStart(4, '0')}`;
    return this.#letter(queue, group, message, copyProperties(message, id, deathHeaders(dead, letter, diedAt)));
  }

  /** The same letter, which RabbitMQ takes for one that nobody has looked at. */
  renewed(letter: DeadLetter, message: Message): Parcel {
    const { queue, group, id, diedAt } = letter;
    return this.#letter(
      queue,
      group,
      message,
      copyProperties(message, idOf(message), deathHeaders(letter, id, diedAt)),
    );
  }

  #letter(queue: string, group: string, { content }: Message, properties: Options.Publish): Parcel {
    return {
      ...defaultExchange(groupNames(queue, group).dead, content, properties),
      declare: () => this.#topology.dead(queue, group),
    };
  }

  newId(): string {
    return `${this.#prefix}-${(++this.#last).toString(36)}`;
  }

  /** As long as a rung is not too long; the rest, shorter than the shortest rung, is held by who receives it. */
  #wait(queue: string, event: string, body: Buffer, properties: Options.Publish, due: number): Parcel {
    const rung = rungFor(due - this.#clock.now());
    if (rung === undefined) return this.#inInbox(queue, event, body, properties);
    return {
      exchange: waitName(queue, undefined, rung),
      routingKey: event,
      body,
      properties,
      declare: () => this.#topology.wait(queue, rung),
      anew: () => this.#wait(queue, event, body, properties, due),
    };
  }

  #inInbox(queue: string, event: string, body: Buffer, properties: Options.Publish): Parcel {
    return {
      exchange: inboxExchange(queue),
      routingKey: event,
      body,
      properties,
      declare: () => this.#topology.inbox(queue),
    };
  }
}

function defaultExchange(queue: string, body: Buffer, properties: Options.Publish) {
  return { exchange: '', routingKey: queue, body, properties };
}

/** A copy: the client may write it only later, when the sender has its buffer back. */
function bufferOf(body: Uint8Array): Buffer {
  return Buffer.from(body);
}
