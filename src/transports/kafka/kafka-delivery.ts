import type { Delivery, Successor } from '../../contracts/delivery.js';
import type { KafkaRecord, Place } from './kafka-client.js';
import { cloudEventOf } from './kafka-cloudevent.js';
import { OWN, textIn, wholeIn } from './kafka-headers.js';
import type { Entry } from './kafka-entry.js';
import { isOurs } from './kafka-names.js';

/** What a delivery needs of the member of the group that received it. */
export interface Settling {
  begun(delivery: KafkaDelivery): Promise<void>;
  acked(delivery: KafkaDelivery): Promise<void>;
  handedBack(delivery: KafkaDelivery): Promise<void>;
  replaced(delivery: KafkaDelivery, successors: readonly Successor[]): Promise<void>;
}

const EMPTY = Buffer.alloc(0);
const DONE = Promise.resolve();

export class KafkaDelivery implements Delivery {
  readonly attempt: number;
  readonly crashes: number;
  readonly record: KafkaRecord;
  isSettled = false;
  /** In the bag of what is in hand. */
  place = -1;

  constructor(
    private readonly settling: Settling,
    readonly entry: Entry,
    readonly queue: string,
    /** Who received it. */
    readonly consumer: object,
  ) {
    this.record = entry.record as KafkaRecord;
    this.attempt = entry.attempt;
    this.crashes = entry.crashes;
  }

  get id(): string {
    return idOf(this.record, this.entry.ledger.place);
  }

  /** A tombstone is an empty body. */
  get body(): Uint8Array {
    return this.record.value ?? EMPTY;
  }

  get publishedAt(): number | undefined {
    return timeOf(this.record, this.entry.ledger.place);
  }

  get target(): string | undefined {
    return this.entry.counts.target;
  }

  get cloudEvent(): Readonly<Record<string, string>> | undefined {
    return cloudEventOf(this.record.headers);
  }

  async begin(): Promise<void> {
    if (!this.isSettled) await this.settling.begun(this);
  }

  ack(): Promise<void> {
    return this.#settle() ? this.settling.acked(this) : DONE;
  }

  release(): Promise<void> {
    return this.#settle() ? this.settling.handedBack(this) : DONE;
  }

  handOver(successors: readonly Successor[]): Promise<void> {
    if (!this.#settle()) return DONE;
    return successors.length === 0 ? this.settling.acked(this) : this.settling.replaced(this, successors);
  }

  /** @returns whether this is the first word on it */
  #settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    return true;
  }
}

/** Where it was first published: the same for every group, over every redelivery and in every copy. */
export function idOf({ headers, offset }: KafkaRecord, { topic, partition }: Place): string {
  const own = isOurs(topic) ? textIn(headers, OWN.id) : undefined;
  return own ?? `${topic}-${partition}-${offset}`;
}

export function timeOf({ headers, timestamp }: KafkaRecord, { topic }: Place): number | undefined {
  const own = isOurs(topic) ? wholeIn(headers, OWN.publishedAt) : undefined;
  const published = own ?? timestamp;
  return published > 0 ? published : undefined;
}
