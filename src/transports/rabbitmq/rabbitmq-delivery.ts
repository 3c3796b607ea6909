import { createHash } from 'node:crypto';
import type { ConsumeMessage, Message } from 'amqplib';
import type { Placed } from '../../contracts/bag.js';
import { type Delivery, SUSPECT_CRASHES, type Successor } from '../../contracts/delivery.js';
import type { Acks } from './rabbitmq-acks.js';
import { cloudEventOf } from './rabbitmq-cloudevent.js';
import { type Counts, countsOf, deliveryCount, NO_COUNTS } from './rabbitmq-headers.js';
import type { Flow } from './rabbitmq-subscription.js';

/** What a delivery needs of the channel it came by. */
export interface Settling {
  /** Where suspects are while they run. */
  readonly suspectQueue: string;
  acked(delivery: RabbitmqDelivery): Promise<void>;
  replaced(delivery: RabbitmqDelivery, successors: readonly Successor[]): Promise<void>;
  handedBack(delivery: RabbitmqDelivery): Promise<void>;
  begun(delivery: RabbitmqDelivery): Promise<void>;
}

/** Where it is acknowledged. */
export interface Receipt {
  readonly acks: Acks;
  readonly tag: number;
}

/** Later than this a time in seconds is one in milliseconds. */
const SECONDS_END = 1e11;

export class RabbitmqDelivery implements Delivery, Placed {
  readonly id: string;
  readonly publishedAt: number | undefined;
  readonly attempt: number;
  readonly crashes: number;
  readonly target: string | undefined;
  /** Not to be given out before, ms since the epoch. */
  readonly due: number | undefined;
  readonly cloudEvent: Readonly<Record<string, string>> | undefined;
  /** Given to the worker, or still waiting here for it. */
  given = false;
  settled = false;
  place = -1;
  receipt: Receipt;

  constructor(
    private readonly settling: Settling,
    readonly message: ConsumeMessage,
    acks: Acks,
    readonly queue: string,
    /** What it came by. */
    readonly flow: Flow,
    isOurs: boolean,
  ) {
    this.id = idOf(message);
    this.receipt = { acks, tag: message.fields.deliveryTag };
    this.publishedAt = timeOf(message.properties.timestamp);
    this.cloudEvent = cloudEventOf(message.properties);
    const counts = isOurs ? countsOf(message.properties.headers ?? {}) : NO_COUNTS;
    const vain = deliveryCount(message, settling.suspectQueue);
    this.attempt = counts.attempts + vain + 1;
    this.crashes = crashesOf(counts, vain);
    this.target = counts.target;
    this.due = counts.due;
  }

  get body(): Uint8Array {
    return this.message.content;
  }

  async begin(): Promise<void> {
    if (!this.settled) await this.settling.begun(this);
  }

  ack(): Promise<void> {
    if (this.settled) return Promise.resolve();
    this.settled = true;
    return this.settling.acked(this);
  }

  release(): Promise<void> {
    if (this.settled) return Promise.resolve();
    this.settled = true;
    return this.settling.handedBack(this);
  }

  handOver(successors: readonly Successor[]): Promise<void> {
    if (this.settled) return Promise.resolve();
    this.settled = true;
    return successors.length === 0 ? this.settling.acked(this) : this.settling.replaced(this, successors);
  }
}

/** Up to where it is a suspect every receipt in vain was a crash; from there on only those that had begun. */
function crashesOf({ crashes }: Counts, vain: number): number {
  return crashes >= SUSPECT_CRASHES ? crashes : Math.min(SUSPECT_CRASHES, crashes + vain);
}

/**
 * The same over every redelivery and for every group. A message without an id of its own is named by what it holds, so two
 * that are alike in everything, their time included, share a name.
 */
export function idOf({ content, fields, properties }: Message): string {
  const { messageId, timestamp } = properties as { messageId?: unknown; timestamp?: unknown };
  if (typeof messageId === 'string' && messageId !== '') return messageId;
  const hash = createHash('sha256')
    .update(`${fields.routingKey}\n${String(timestamp)}\n`)
    .update(content);
  return hash.digest('base64url').slice(0, 32);
}

/** AMQP has seconds; some clients write milliseconds. */
export function timeOf(timestamp: unknown): number | undefined {
  if (typeof timestamp !== 'number' || !(timestamp > 0) || timestamp > 8.64e15) return undefined;
  return timestamp < SECONDS_END ? timestamp * 1000 : timestamp;
}
