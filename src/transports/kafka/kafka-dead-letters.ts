import type { DeadLetter, DeadLetterAccess, DeadLetterFilter } from '../../contracts/dead-letter.js';
import type { KafkaClient, KafkaRecord, OutgoingRecord, Place } from './kafka-client.js';
import { errorFor } from './kafka-errors.js';
import { NO_COUNTS, OWN } from './kafka-headers.js';
import { letterOf } from './kafka-letter.js';
import { roleOf } from './kafka-names.js';
import type { Parcels } from './kafka-parcels.js';
import type { Sender } from './kafka-sender.js';

interface DeadLettersParts {
  readonly client: KafkaClient;
  readonly parcels: Parcels;
  readonly sender: Sender;
}

export interface Found {
  readonly letter: DeadLetter;
  readonly record: KafkaRecord;
  readonly place: Place;
}

/**
 * A dead topic is a table: each letter a record under a key of its own, and a tombstone under the same key takes it out.
 * Reading it reads all of it; Kafka clears away what has a tombstone when it compacts.
 */
export class KafkaDeadLetters implements DeadLetterAccess {
  readonly #parts: DeadLettersParts;

  constructor(parts: DeadLettersParts) {
    this.#parts = parts;
  }

  async list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]> {
    const letters = (await this.#find(filter)).map(({ letter }) => letter);
    return letters.sort((a, b) => a.diedAt - b.diedAt || (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    return (await this.#find(filter)).length;
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    return (await this.#named([id]))[0]?.letter;
  }

  async retry(ids: readonly string[]): Promise<number> {
    const { parcels, sender } = this.#parts;
    const found = await this.#named(ids);
    const again = found.map(({ letter, record, place }) => {
      const { queue, group, target } = letter;
      const original = { ...record, key: record.headers[OWN.key] ?? null };
      return parcels.again(queue, group, original, place, { ...NO_COUNTS, target });
    });
    await sender.send(await Promise.all(again));
    await this.#takeOut(found);
    return found.length;
  }

  async forget(ids: readonly string[]): Promise<number> {
    const found = await this.#named(ids);
    await this.#takeOut(found);
    return found.length;
  }

  async #takeOut(found: readonly Found[]): Promise<void> {
    const { parcels, sender } = this.#parts;
    const tombstones: OutgoingRecord[] = found.map(({ letter }) =>
      parcels.forgotten(letter.queue, letter.group, letter.id),
    );
    await sender.send(tombstones);
  }

  async #named(ids: readonly string[]): Promise<readonly Found[]> {
    const wanted = new Set(ids.filter((id) => id !== ''));
    if (wanted.size === 0) return [];
    return (await this.#find({})).filter(({ letter }) => wanted.has(letter.id));
  }

  async #find(filter: DeadLetterFilter): Promise<readonly Found[]> {
    try {
      const { topics } = await this.#parts.client.cluster();
      const places = [...topics.keys()].filter((topic) => isDeadTopic(topic, filter));
      const found = await Promise.all(places.map((topic) => readLetters(this.#parts.client, topic)));
      return found.flat().filter(({ letter }) => matches(letter, filter));
    } catch (error) {
      throw errorFor(error);
    }
  }
}

/** All letters of a dead topic that nobody has taken out, in order of their deaths. */
export async function readLetters(client: KafkaClient, topic: string): Promise<readonly Found[]> {
  const place = { topic, partition: 0 };
  const [[start = 0], [end = 0]] = await Promise.all([
    client.offsets([place], 'earliest'),
    client.offsets([place], 'latest'),
  ]);
  const found = new Map<string, Found>();
  for (let offset = start; offset < end; ) {
    const { records, next } = await client.read(place, offset);
    if (next === offset) break;
    offset = next;
    for (const record of records) {
      const id = record.key?.toString() ?? '';
      if (record.value === null) found.delete(id);
      else found.set(id, { letter: letterOf(record, place), record, place });
    }
  }
  return [...found.values()];
}

function isDeadTopic(topic: string, filter: DeadLetterFilter): boolean {
  const { kind, queue, group } = roleOf(topic);
  return (
    kind === 'dead' &&
    (filter.queue === undefined || queue === filter.queue) &&
    (filter.group === undefined || group === filter.group)
  );
}

function matches({ event, diedAt }: DeadLetter, filter: DeadLetterFilter): boolean {
  return (
    (filter.event === undefined || event === filter.event) && (filter.since === undefined || diedAt >= filter.since)
  );
}
