import type { Clock } from '../../contracts/clock.js';
import type { QueueAccess, QueueStats } from '../../contracts/transport.js';
import { codeOf, type KafkaClient, type KafkaRecord, type Place, placeKey, UNREADABLE } from './kafka-client.js';
import { readLetters } from './kafka-dead-letters.js';
import { timeOf } from './kafka-delivery.js';
import { errorFor } from './kafka-errors.js';
import { countsOf } from './kafka-headers.js';
import { Inventory, type QueueTopics } from './kafka-inventory.js';
import type { Members } from './kafka-members.js';
import { groupId, groupOf } from './kafka-names.js';
import { countOf, type Extent, type PlaceCount } from './kafka-place-count.js';

interface QueuesParts {
  readonly client: KafkaClient;
  readonly clock: Clock;
  readonly members: Members;
  readonly queues: ReadonlySet<string>;
}

/** What one group has in a queue. */
interface Holding {
  readonly group: string;
  readonly isRegistered: boolean;
  readonly ready: readonly PlaceCount[];
  readonly shared: readonly PlaceCount[];
  readonly waiting: readonly PlaceCount[];
  readonly dead: number;
}

/** Lag, in numbers: what lies between what a group has committed and the end of its topics. */
export class KafkaQueues implements QueueAccess {
  readonly #parts: QueuesParts;

  constructor(parts: QueuesParts) {
    this.#parts = parts;
  }

  async stats(): Promise<readonly QueueStats[]> {
    try {
      const { client, queues } = this.#parts;
      const inventory = await Inventory.of(client, queues);
      const groups = await client.groups();
      const rows = await Promise.all(inventory.queues.map((queue) => this.#rowsOf(queue, groups, inventory)));
      return rows.flat();
    } catch (error) {
      throw errorFor(error);
    }
  }

  /** Records go for every group. What is in flight stays in the hands that have it, but not longer than they live. */
  async purge(queue: string): Promise<number> {
    try {
      const { client, members } = this.#parts;
      const inventory = await Inventory.of(client, new Set([queue]), queue);
      const topics = inventory.queues.find((one) => one.queue === queue);
      if (!topics) return 0;
      const holdings = await this.#holdingsOf(topics, await client.groups(), inventory);
      const places = inventory.placesOf([...topics.shared, ...[...topics.groups.values()].flatMap(({ live }) => live)]);
      await Promise.all(
        places.map(async (place) => {
          const { start, end } = inventory.extent(place);
          await Promise.all(members.all.map((member) => member.purge(place, end)));
          if (end > start) await client.deleteBefore(place, end);
        }),
      );
      // A message waits for every group; the group with most of them knows nearly all.
      const most = (of: (holding: Holding) => readonly PlaceCount[]) =>
        Math.max(0, ...holdings.map((one) => sum(of(one))));
      const isClaimed = holdings.some(({ isRegistered }) => isRegistered);
      const unclaimed = isClaimed ? 0 : untouched(topics.shared, inventory);
      return most(({ ready, waiting }) => [...ready, ...waiting]) + most(({ shared }) => shared) + unclaimed;
    } catch (error) {
      throw errorFor(error);
    }
  }

  async #rowsOf(topics: QueueTopics, groups: readonly string[], inventory: Inventory): Promise<QueueStats[]> {
    const holdings = await this.#holdingsOf(topics, groups, inventory);
    const rows = await Promise.all(
      holdings
        .filter(({ isRegistered, ready, waiting, dead }) => isRegistered || sum(ready) + sum(waiting) + dead > 0)
        .map((holding) => this.#rowOf(topics.queue, holding)),
    );
    if (holdings.some(({ isRegistered }) => isRegistered)) return rows;
    const [main = '', wait = ''] = topics.shared;
    const depth = untouched([main], inventory);
    const delayed = untouched([wait], inventory);
    if (depth + delayed === 0) return rows;
    const oldestAgeMs = await this.#age(inventory.placesOf([main]).map((place) => freshCount(place, inventory)));
    const nobody = { inFlight: 0, dead: 0, nextRetryMs: undefined };
    return [{ queue: topics.queue, group: '', depth, delayed, oldestAgeMs, ...nobody }, ...rows];
  }

  async #rowOf(queue: string, { group, ready, shared, waiting, dead }: Holding): Promise<QueueStats> {
    return {
      queue,
      group,
      depth: sum(ready),
      inFlight: ready.reduce((total, { inFlight }) => total + inFlight, 0),
      delayed: sum(shared) + sum(waiting),
      dead,
      oldestAgeMs: await this.#age(ready),
      nextRetryMs: await this.#nextRetry(waiting),
    };
  }

  async #holdingsOf(topics: QueueTopics, ids: readonly string[], inventory: Inventory): Promise<readonly Holding[]> {
    const { queue } = topics;
    const registered = new Set(ids.flatMap((id) => groupOf(id, queue) ?? []));
    const groups = [...new Set([...registered, ...topics.groups.keys()])].sort();
    return Promise.all(groups.map((group) => this.#holdingOf(topics, group, registered.has(group), inventory)));
  }

  async #holdingOf(
    { queue, shared, groups }: QueueTopics,
    group: string,
    isRegistered: boolean,
    inventory: Inventory,
  ): Promise<Holding> {
    const { client, members } = this.#parts;
    const own = groups.get(group);
    const [main = '', wait = ''] = isRegistered ? shared : [];
    const committed = await client.committed(
      groupId(queue, group),
      [main, wait, ...(own?.live ?? [])].filter(inventory.has),
    );
    const counts = (topic: string | undefined) =>
      inventory.placesOf(topic === undefined ? [] : [topic]).map((place) => {
        const holder = members.all.find((member) => member.isOf(queue, group) && member.ledgerOf(place) !== undefined);
        return countOf(place, inventory.extent(place), committed.get(placeKey(place)), holder?.ledgerOf(place));
      });
    const letters = own?.dead === undefined ? [] : await readLetters(client, own.dead);
    return {
      group,
      isRegistered,
      ready: [...counts(main), ...counts(own?.again)],
      shared: counts(wait),
      waiting: counts(own?.wait),
      dead: letters.length,
    };
  }

  async #age(counts: readonly PlaceCount[]): Promise<number | undefined> {
    const times = await Promise.all(counts.filter(({ depth }) => depth > 0).map((count) => this.#timeAt(count)));
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.max(0, this.#parts.clock.now() - Math.min(...known));
  }

  async #timeAt(count: PlaceCount): Promise<number | undefined> {
    const record = await this.#firstOf(count);
    return record && timeOf(record, count.place);
  }

  /** One that cannot be read is no reason to tell nothing of the others. */
  async #firstOf({ place, first }: PlaceCount): Promise<KafkaRecord | undefined> {
    try {
      return (await this.#parts.client.read(place, first)).records[0];
    } catch (error) {
      if (codeOf(error) === UNREADABLE) return undefined;
      throw error;
    }
  }

  /** Of the first on each rung: what waits there waits in the order it came. */
  async #nextRetry(counts: readonly PlaceCount[]): Promise<number | undefined> {
    const heads = counts.filter(({ depth }) => depth > 0);
    const dues = await Promise.all(
      heads.map(async (count) => {
        const record = await this.#firstOf(count);
        return record && countsOf(record.headers).due;
      }),
    );
    const known = dues.filter((due) => due !== undefined);
    return known.length === 0 ? undefined : Math.max(0, Math.min(...known) - this.#parts.clock.now());
  }
}

function sum(counts: readonly PlaceCount[]): number {
  return counts.reduce((total, { depth }) => total + depth, 0);
}

/** All that is there, where no group has taken anything of it. */
function untouched(topics: readonly string[], inventory: Inventory): number {
  return sum(inventory.placesOf(topics).map((place) => freshCount(place, inventory)));
}

function freshCount(place: Place, inventory: Inventory): PlaceCount {
  const { start, end }: Extent = inventory.extent(place);
  return { place, first: start, depth: end - start, inFlight: 0 };
}
