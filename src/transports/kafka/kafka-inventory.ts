import { type KafkaClient, type Place, placeKey } from './kafka-client.js';
import { roleOf, topicName, waitTopic } from './kafka-names.js';
import type { Extent } from './kafka-place-count.js';

export interface GroupInventory {
  again?: string;
  wait?: string;
  dead?: string;
  /** Those that messages go through. */
  live: string[];
}

export interface QueueTopics {
  readonly queue: string;
  /** The queue's own topic, and that of first deliveries that wait. */
  readonly shared: readonly string[];
  readonly groups: ReadonlyMap<string, GroupInventory>;
}

const NOTHING: Extent = { start: 0, end: 0 };

/** Which topics there are for which queue, and what is in them, at one moment. */
export class Inventory {
  private constructor(
    readonly queues: readonly QueueTopics[],
    private readonly partitions: ReadonlyMap<string, number>,
    private readonly extents: ReadonlyMap<string, Extent>,
  ) {}

  /** Queues with topics of ours, and those that are named. @param only leaves the others out */
  static async of(client: KafkaClient, named: ReadonlySet<string>, only?: string): Promise<Inventory> {
    const { topics } = await client.cluster();
    const partitions = new Map([...topics].map(([topic, list]) => [topic, list.length]));
    const queues = new Map<string, Map<string, GroupInventory>>();
    const see = (queue: string) => {
      let groups = queues.get(queue);
      if (!groups) queues.set(queue, (groups = new Map()));
      return groups;
    };
    for (const topic of partitions.keys()) {
      const { queue, group, kind } = roleOf(topic);
      // Whatever else is on this cluster is none of ours.
      if (only === undefined ? kind === 'main' && !named.has(queue) : queue !== only) continue;
      const groups = see(queue);
      if (group !== undefined) note(groups, group, kind, topic);
    }
    const all = [...queues]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([queue, groups]) => ({ queue, groups, shared: [topicName(queue), waitTopic(queue)] }));
    const used = all.flatMap(({ shared, groups }) => [...shared, ...[...groups.values()].flatMap(({ live }) => live)]);
    const places = placesIn(used, partitions);
    const [starts, ends] = await Promise.all([client.offsets(places, 'earliest'), client.offsets(places, 'latest')]);
    const extents = places.map((place, i) => [placeKey(place), { start: starts[i] ?? 0, end: ends[i] ?? 0 }] as const);
    return new Inventory(all, partitions, new Map(extents));
  }

  readonly has = (topic: string): boolean => this.partitions.has(topic);

  placesOf(topics: readonly string[]): readonly Place[] {
    return placesIn(topics, this.partitions);
  }

  extent(place: Place): Extent {
    return this.extents.get(placeKey(place)) ?? NOTHING;
  }
}

function note(groups: Map<string, GroupInventory>, group: string, kind: string, topic: string): void {
  let own = groups.get(group);
  if (!own) groups.set(group, (own = { live: [] }));
  if (kind === 'again' || kind === 'wait' || kind === 'dead') own[kind] = topic;
  if (kind !== 'dead') own.live.push(topic);
}

function placesIn(topics: readonly string[], partitions: ReadonlyMap<string, number>): readonly Place[] {
  return topics.flatMap((topic) =>
    Array.from({ length: partitions.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })),
  );
}
