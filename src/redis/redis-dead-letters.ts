import type { DeadLetter, DeadLetterAccess, DeadLetterFilter } from '../contracts/dead-letter.js';
import type { Client } from './redis-client.js';
import type { Asked } from './redis-connection.js';
import { QueueKeys } from './redis-keys.js';
import { forget, revive } from './redis-parcel-scripts.js';
import type { QueueRegistry } from './redis-registry.js';
import type { Argument } from './redis-script.js';
import type { DeadFacts } from './redis-successors.js';

export interface DeadLetterParts {
  /** Connected by then. It and what it is asked reject with a {@link ThrunError}. */
  readonly connection: () => Promise<Asked>;
  readonly registry: QueueRegistry;
}

/** A letter's number, queue and group: where it lies. */
interface Grave {
  readonly number: string;
  readonly queue: string;
  readonly group: string;
  readonly facts: DeadFacts;
}

/** So many are looked at together. */
const PAGE = 500;

export class RedisDeadLetters implements DeadLetterAccess {
  readonly #parts: DeadLetterParts;

  constructor(parts: DeadLetterParts) {
    this.#parts = parts;
  }

  async list(filter: DeadLetterFilter, limit: number): Promise<readonly DeadLetter[]> {
    const letters: DeadLetter[] = [];
    for (const { keys, group } of await this.#places(filter)) {
      for await (const { number, diedAt, facts } of this.#within(keys, group, filter)) {
        const body = await this.#read((client) => client.hgetBuffer(keys.deadBodies, number));
        if (body) letters.push(letter({ number, queue: keys.queue, group, facts }, diedAt, body));
        // Of each place no more than of all: which are the oldest shows when they lie beside each other.
        if (letters.filter((one) => one.queue === keys.queue && one.group === group).length >= limit) break;
      }
    }
    return letters.sort((a, b) => a.diedAt - b.diedAt || (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  async count(filter: DeadLetterFilter): Promise<number> {
    let count = 0;
    for (const { keys, group } of await this.#places(filter)) {
      if (filter.event === undefined) {
        const since = filter.since ?? '-inf';
        const { graves } = keys.group(group);
        count += await this.#read((client) => client.zcount(graves, since, '+inf'));
      } else {
        for await (const _ of this.#within(keys, group, filter)) count++;
      }
    }
    return count;
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    const grave = await this.#grave(id);
    if (!grave) return undefined;
    const { number, queue, group } = grave;
    const keys = new QueueKeys(queue);
    const diedAt = await this.#read((client) => client.zscore(keys.group(group).graves, number));
    const body = await this.#read((client) => client.hgetBuffer(keys.deadBodies, number));
    return diedAt === null || body === null ? undefined : letter(grave, Number(diedAt), body);
  }

  async retry(ids: readonly string[]): Promise<number> {
    return this.#decide(ids, async (keys, group, graves) => {
      const { due, parcels, graves: yard } = keys.group(group);
      const args = graves.flatMap(({ number, facts }): Argument[] => {
        return [number, facts.target ?? '', facts.message, facts.publishedAt ?? ''];
      });
      const own = [keys.seq, keys.dead, keys.deadBodies, due, parcels, yard];
      return this.#read((client) => revive.run(client, own, args));
    });
  }

  async forget(ids: readonly string[]): Promise<number> {
    return this.#decide(ids, async (keys, group, graves) => {
      const own = [keys.dead, keys.deadBodies, keys.group(group).graves];
      const numbers = graves.map(({ number }) => number);
      return this.#read((client) => forget.run(client, own, numbers));
    });
  }

  async #decide(
    ids: readonly string[],
    decide: (keys: QueueKeys, group: string, graves: readonly Grave[]) => Promise<number>,
  ): Promise<number> {
    const places = new Map<string, Grave[]>();
    // Hundreds of ids are of a queue or two.
    const known = new Map<string, Promise<boolean>>();
    const isOurs = (queue: string) => {
      const asked = known.get(queue) ?? this.#parts.registry.has(queue);
      known.set(queue, asked);
      return asked;
    };
    for (const id of new Set(ids)) {
      const grave = await this.#grave(id, isOurs);
      if (!grave) continue;
      const place = JSON.stringify([grave.queue, grave.group]);
      places.set(place, [...(places.get(place) ?? []), grave]);
    }
    let count = 0;
    for (const graves of places.values()) {
      const [{ queue, group } = { queue: '', group: '' }] = graves;
      count += await decide(new QueueKeys(queue), group, graves);
    }
    return count;
  }

  async #grave(id: string, isOurs = (queue: string) => this.#parts.registry.has(queue)): Promise<Grave | undefined> {
    await this.#parts.connection();
    const [, number, queue] = /^(\d{16,}):(.+)$/s.exec(id) ?? [];
    if (number === undefined || queue === undefined || !(await isOurs(queue))) return undefined;
    const text = await this.#read((client) => client.hget(new QueueKeys(queue).dead, number));
    if (text === null) return undefined;
    const facts = JSON.parse(text) as DeadFacts;
    return { number, queue, group: facts.group, facts };
  }

  /** Every queue and group that the filter does not exclude. */
  async #places({ queue, group }: DeadLetterFilter): Promise<{ keys: QueueKeys; group: string }[]> {
    const { connection, registry } = this.#parts;
    await connection();
    const queues = queue === undefined ? await registry.all() : (await registry.has(queue)) ? [queue] : [];
    const places: { keys: QueueKeys; group: string }[] = [];
    for (const name of queues) {
      const keys = new QueueKeys(name);
      const groups = group === undefined ? await this.#read((client) => client.hkeys(keys.groups)) : [group];
      for (const one of groups) places.push({ keys, group: one });
    }
    return places;
  }

  /** The letters of one place, the oldest death first. */
  async *#within(keys: QueueKeys, group: string, { event, since }: DeadLetterFilter) {
    const { graves } = keys.group(group);
    for (let at = 0; ; at += PAGE) {
      const page = await this.#read((client) =>
        client.zrangebyscore(graves, since ?? '-inf', '+inf', 'WITHSCORES', 'LIMIT', at, PAGE),
      );
      if (page.length === 0) return;
      const numbers = page.filter((_, n) => n % 2 === 0);
      const texts = await this.#read((client) => client.hmget(keys.dead, ...numbers));
      for (const [n, number] of numbers.entries()) {
        const text = texts[n];
        const facts = text ? (JSON.parse(text) as DeadFacts) : undefined;
        if (!facts || (event !== undefined && facts.event !== event)) continue;
        yield { number, facts, diedAt: Number(page[n * 2 + 1]) };
      }
    }
  }

  async #read<Reply>(send: (client: Client) => Promise<Reply>): Promise<Reply> {
    const connection = await this.#parts.connection();
    return connection.run(send);
  }
}

function letter({ number, queue, group, facts }: Grave, diedAt: number, body: Uint8Array): DeadLetter {
  const { target, reason, error, attempts, event, eventId, publishedAt } = facts;
  return {
    id: `${number}:${queue}`,
    queue,
    group,
    target,
    reason,
    error,
    attempts,
    event,
    eventId,
    publishedAt,
    diedAt,
    body,
  };
}
