import { randomBytes } from 'node:crypto';
import type { Clock } from '../../contracts/clock.js';
import type { Dead } from '../../contracts/delivery.js';
import type { OutgoingMessage } from '../../contracts/transport.js';
import type { KafkaRecord, OutgoingRecord, Place } from './kafka-client.js';
import { idOf, timeOf } from './kafka-delivery.js';
import { cloudEventHeaders } from './kafka-cloudevent.js';
import { type Counts, countHeaders, deathHeaders, foreignHeaders, OWN } from './kafka-headers.js';
import { rungFor } from './kafka-ladder.js';
import { groupTopics, isOurs, topicName } from './kafka-names.js';
import { keyedPartition } from './kafka-partition.js';
import type { Topics } from './kafka-topics.js';

/** Records without a key go to one partition for so many of them, then to the next: batches stay batches. */
const IN_A_ROW = 100;

/** Addresses what is sent: the one place that knows which record goes where. */
export class Parcels {
  readonly #topics: Topics;
  readonly #clock: Clock;
  readonly #prefix = randomBytes(4).toString('hex');
  #letters = 0;
  #turn = Math.floor(Math.random() * 1000) * IN_A_ROW;

  constructor(topics: Topics, clock: Clock) {
    this.#topics = topics;
    this.#clock = clock;
  }

  /** What an application publishes: now, or to wait where it is not due. */
  async published(queue: string, messages: readonly OutgoingMessage[]): Promise<readonly OutgoingRecord[]> {
    const now = this.#clock.now();
    const topic = topicName(queue);
    const partitions = await this.#topics.queue(queue);
    const records: OutgoingRecord[] = [];
    for (const { body, key = null, deliverAt, cloudEvent } of messages) {
      // A copy: the sender may have its buffer back before the client has written it.
      const value = Buffer.from(cloudEvent?.data ?? body);
      const isDue = deliverAt === undefined || deliverAt <= now;
      const headers: Record<string, string> = cloudEvent ? cloudEventHeaders(cloudEvent.attributes) : {};
      if (!isDue) headers[OWN.due] = String(Math.ceil(deliverAt));
      const rung = isDue ? undefined : rungFor(deliverAt - now);
      if (rung === undefined) records.push({ topic, partition: this.#partition(key, partitions), key, value, headers });
      else records.push({ topic: await this.#topics.wait(queue), partition: rung, key, value, headers });
    }
    return records;
  }

  /** To the group alone, now or when it is due. */
  async again(queue: string, group: string, record: KafkaRecord, from: Place, counts: Counts): Promise<OutgoingRecord> {
    const { again, wait } = groupTopics(queue, group);
    const rung = counts.due === undefined ? undefined : rungFor(counts.due - this.#clock.now());
    const partitions = await this.#topics.group(queue, group);
    const key = record.key;
    return {
      ...(rung === undefined
        ? { topic: again, partition: this.#partition(null, partitions) }
        : { topic: wait, partition: rung }),
      key,
      value: record.value,
      headers: { ...foreignHeaders(record.headers), ...originHeaders(record, from), ...countHeaders(counts) },
    };
  }

  async dead(queue: string, group: string, record: KafkaRecord, from: Place, dead: Dead): Promise<OutgoingRecord> {
    const diedAt = this.#clock.now();
    // Sorts by the time of death, also within a millisecond.
    const letter = `${diedAt.toString(36)}-${this.#prefix}-${(++this.#letters).toString(36).padStart(4, '0')}`;
    return {
      topic: await this.#topics.dead(queue, group),
      partition: 0,
      key: letter,
      // Without a value it would be a tombstone.
      value: record.value ?? Buffer.alloc(0),
      headers: {
        ...foreignHeaders(record.headers),
        ...originHeaders(record, from),
        ...deathHeaders(dead, diedAt),
        ...(record.key !== null && { [OWN.key]: record.key }),
      },
    };
  }

  /** Takes a dead letter out. */
  forgotten(queue: string, group: string, letter: string): OutgoingRecord {
    return { topic: groupTopics(queue, group).dead, partition: 0, key: letter, value: null, headers: {} };
  }

  #partition(key: string | Uint8Array | null, partitions: number): number {
    if (key !== null) return keyedPartition(key, partitions);
    return Math.floor(this.#turn++ / IN_A_ROW) % partitions;
  }
}

/** Where it was first published: a copy of a copy says the same. */
function originHeaders(record: KafkaRecord, from: Place): Record<string, string | Uint8Array> {
  const { offset } = record;
  const published = timeOf(record, from);
  const headers = isOurs(from.topic) ? record.headers : {};
  return {
    [OWN.id]: idOf(record, from),
    [OWN.topic]: headers[OWN.topic] ?? from.topic,
    [OWN.partition]: headers[OWN.partition] ?? String(from.partition),
    [OWN.offset]: headers[OWN.offset] ?? String(offset),
    ...(published !== undefined && { [OWN.publishedAt]: String(published) }),
  };
}
