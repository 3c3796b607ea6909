import kafkajs, { type Admin } from 'kafkajs';
import {
  type ClusterInfo,
  type Committed,
  type CommittedOffset,
  type Fetched,
  type KafkaClient,
  KafkaFailure,
  type MemberLink,
  type OutgoingRecord,
  type Place,
  placeKey,
  type TopicSpec,
} from '../kafka-client.js';
import type { KafkaOptions } from '../kafka-options.js';
import { Connections } from './kafkajs-connections.js';
import { fetchFrom, READ_COMMITTED } from './kafkajs-fetch.js';
import { committedOf, KafkajsMember, offsetsByTopic } from './kafkajs-member.js';
import { byLeader, clusterOf, metadataOf } from './kafkajs-metadata.js';
import type { RawBroker, RawCluster } from './kafkajs-parts.js';
import { KafkajsProducer } from './kafkajs-producer.js';

/** What is asked when it closes may go unanswered. */
const GOODBYE_MS = 1000;

const MAKING_MS = 15_000;
const LOOK_MS = 10;
const EARLIEST = -2;
const LATEST = -1;

/** kafkajs: the client of this transport. Nothing else imports it. */
export class KafkajsClient implements KafkaClient {
  readonly #connections: Connections;
  readonly #cluster: RawCluster;
  readonly #admin: Admin;
  readonly #producer: KafkajsProducer;
  #connectedAdmin: Promise<void> | undefined;

  constructor(options: KafkaOptions) {
    this.#connections = new Connections(options);
    const kafka = new kafkajs.Kafka(this.#connections.config);
    this.#cluster = this.#connections.cluster();
    this.#admin = kafka.admin();
    this.#producer = new KafkajsProducer(this.#connections, options.compression);
  }

  async open(): Promise<void> {
    await this.#connections.try(async () => {
      await this.#cluster.connect();
      await this.#broker();
    });
  }

  async close(): Promise<void> {
    const goodbye = Promise.allSettled([
      this.#producer.close(),
      this.#connectedAdmin && this.#admin.disconnect(),
      this.#cluster.disconnect(),
    ]);
    await Promise.race([goodbye, new Promise((resolve) => setTimeout(resolve, GOODBYE_MS).unref())]);
    this.#connections.sockets.close();
    await goodbye;
  }

  async cluster(topics: readonly string[] = []): Promise<ClusterInfo> {
    return this.#connections.try(async () => clusterOf(await metadataOf(await this.#broker(), topics)));
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    const specs = topics.map(({ topic, partitions, replicas, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: replicas,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    }));
    await this.#asAdmin((admin) => admin.createTopics({ topics: specs, waitForLeaders: false, timeout: MAKING_MS }));
    await this.#connections.try(() => this.#led(topics.map(({ topic }) => topic)));
  }

  async configs(topics: readonly string[]) {
    const resources = topics.map((name) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name }));
    const answer = await this.#asAdmin((admin) => admin.describeConfigs({ resources, includeSynonyms: false }));
    return new Map(
      answer.resources.map(({ resourceName, configEntries }) => [
        resourceName,
        Object.fromEntries(configEntries.map(({ configName, configValue }) => [configName, configValue])),
      ]),
    );
  }

  async offsets(places: readonly Place[], at: 'earliest' | 'latest' | number): Promise<readonly number[]> {
    if (places.length === 0) return [];
    const timestamp = at === 'earliest' ? EARLIEST : at === 'latest' ? LATEST : at;
    return this.#connections.again(async () => {
      const nodes = await this.#byLeader(places);
      const found = new Map<string, number>();
      await Promise.all(
        [...nodes].map(async ([nodeId, own]) => {
          const broker = await this.#cluster.findBroker({ nodeId });
          const topics = [...new Set(own.map(({ topic }) => topic))].map((topic) => ({
            topic,
            partitions: own.filter((place) => place.topic === topic).map(({ partition }) => ({ partition, timestamp })),
          }));
          const { responses } = await broker.listOffsets({ isolationLevel: READ_COMMITTED, topics });
          for (const { topic, partitions } of responses) {
            for (const { partition, offset } of partitions) found.set(placeKey({ topic, partition }), Number(offset));
          }
        }),
      );
      return places.map((place) => found.get(placeKey(place)) ?? -1);
    });
  }

  async send(records: readonly OutgoingRecord[]): Promise<void> {
    await this.#connections.try(() => this.#producer.send(records));
  }

  async renew(): Promise<void> {
    this.#producer.renew();
  }

  async read(place: Place, offset: number): Promise<Fetched> {
    return this.#connections.again(async () => {
      const [fetched] = await fetchFrom(await this.#leader(place), [{ ...place, offset }], 0);
      return fetched ?? { ...place, records: [], next: offset };
    });
  }

  async deleteBefore(place: Place, offset: number): Promise<void> {
    await this.#connections.again(async () => {
      const { topic, partition } = place;
      const broker = await this.#leader(place);
      await broker.deleteRecords({ topics: [{ topic, partitions: [{ partition, offset: String(offset) }] }] });
    });
  }

  async groups(): Promise<readonly string[]> {
    const { groups } = await this.#asAdmin((admin) => admin.listGroups());
    return groups.map(({ groupId }) => groupId);
  }

  async committed(group: string, topics: readonly string[]): Promise<Committed> {
    const { topics: known } = await this.cluster(topics);
    const counts = new Map([...known].map(([topic, partitions]) => [topic, partitions.length]));
    return this.#connections.again(async () => committedOf(await this.#coordinator(group, topics), group, counts));
  }

  async commit(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    await this.#connections.again(async () => {
      const topics = offsets.map(({ topic }) => topic);
      const broker = await this.#coordinator(group, topics);
      const request = { groupId: group, memberId: '', groupGenerationId: -1, topics: offsetsByTopic(offsets) };
      await broker.offsetCommit(request);
    });
  }

  member(group: string): MemberLink {
    return new KafkajsMember(group, () => this.#connections.cluster(), this.#connections.sockets);
  }

  async #broker(): Promise<RawBroker> {
    if (!this.#cluster.isConnected()) await this.#cluster.connect();
    return this.#cluster.brokerPool.findConnectedBroker();
  }

  /** @param topics of the group: kafkajs, as long as it knows no broker by name, fails first and waits */
  async #coordinator(group: string, topics: readonly string[]): Promise<RawBroker> {
    await this.#broker();
    if (this.#cluster.getNodeIds().length === 0) await this.#meet(topics);
    return this.#cluster.findGroupCoordinator({ groupId: group });
  }

  async #leader(place: Place): Promise<RawBroker> {
    const [nodeId = -1] = (await this.#byLeader([place])).keys();
    return this.#cluster.findBroker({ nodeId });
  }

  async #byLeader(places: readonly Place[]): Promise<ReadonlyMap<number, Place[]>> {
    const topics = [...new Set(places.map(({ topic }) => topic))];
    const nodes = byLeader(await metadataOf(await this.#broker(), topics), places);
    const [orphan] = nodes.get(-1) ?? [];
    if (orphan) {
      throw new KafkaFailure('LEADER_NOT_AVAILABLE', `nobody leads ${placeKey(orphan)} yet`, true, orphan, {});
    }
    if ([...nodes.keys()].some((node) => !this.#cluster.getNodeIds().includes(String(node)))) await this.#meet(topics);
    return nodes;
  }

  /** kafkajs learns of brokers with topics, and remembers topics for ever: so it is given one, and no other. */
  async #meet([topic]: readonly string[]): Promise<void> {
    this.#cluster.targetTopics.clear();
    if (topic !== undefined) this.#cluster.targetTopics.add(topic);
    await this.#cluster.refreshMetadata();
  }

  /** A topic that was just made has no leaders for a moment. */
  async #led(topics: readonly string[]): Promise<void> {
    for (const giveUpAt = performance.now() + MAKING_MS; performance.now() < giveUpAt; ) {
      try {
        const answers = await metadataOf(await this.#broker(), topics);
        const ready = answers.flatMap(({ topicMetadata }) => topicMetadata);
        if (ready.length === topics.length) return;
      } catch (error) {
        if ((error as { readonly type?: string }).type !== 'LEADER_NOT_AVAILABLE') throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async #asAdmin<Answer>(work: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    return this.#connections.try(async () => {
      this.#connectedAdmin ??= this.#admin.connect();
      await this.#connectedAdmin.catch((error: unknown) => {
        this.#connectedAdmin = undefined;
        throw error;
      });
      return work(this.#admin);
    });
  }
}
