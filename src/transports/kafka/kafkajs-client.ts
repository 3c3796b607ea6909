import kafkajs, { type Admin, type Kafka, type KafkaConfig, type Message, type Producer } from 'kafkajs';
import {
  type ClusterInfo,
  codeOf,
  type Committed,
  type CommittedOffset,
  type Fetched,
  type KafkaClient,
  type MemberLink,
  type OutgoingRecord,
  type Place,
  placeKey,
  type TopicSpec,
} from './kafka-client.js';
import type { KafkaOptions } from './kafka-options.js';
import { failureOf } from './kafkajs-failure.js';
import { fetchFrom, READ_COMMITTED } from './kafkajs-fetch.js';
import { committedOf, KafkajsMember, offsetsByTopic } from './kafkajs-member.js';
import {
  Cluster,
  createLogger,
  defaultSocketFactory,
  type RawBroker,
  type RawCluster,
  type RawMetadata,
} from './kafkajs-parts.js';
import { mendHalfOpen } from './kafkajs-half-open.js';
import { mendSpin } from './kafkajs-spin.js';

/** No answer for so long: the connection is given up. */
const REQUEST_MS = 10_000;
const CONNECTION_MS = 3000;

/** kafkajs tries again by itself, but not for long: who waits here knows better what for. */
const RETRY = { retries: 2, initialRetryTime: 50, maxRetryTime: 500 };

const MAKING_MS = 15_000;
const LOOK_MS = 10;
const MOST_ATTEMPTS = 8;
const MOVING = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'UNKNOWN_TOPIC_OR_PARTITION',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'GROUP_LOAD_IN_PROGRESS',
]);
const EARLIEST = -2;
const LATEST = -1;

const silent = () => () => undefined;

/** kafkajs: the client of this transport. Nothing else imports it. */
export class KafkajsClient implements KafkaClient {
  readonly #config: KafkaConfig;
  readonly #kafka: Kafka;
  readonly #cluster: RawCluster;
  readonly #admin: Admin;
  #connectedAdmin: Promise<void> | undefined;
  #producer: Promise<Producer> | undefined;

  constructor({ brokers, clientId, ssl, sasl }: KafkaOptions) {
    mendSpin();
    mendHalfOpen();
    this.#config = {
      brokers: [...brokers],
      clientId,
      requestTimeout: REQUEST_MS,
      connectionTimeout: CONNECTION_MS,
      enforceRequestTimeout: true,
      retry: RETRY,
      // What went wrong is told by errors and notices; its log would say everything a second time.
      logLevel: kafkajs.logLevel.NOTHING,
      logCreator: silent,
      ...(ssl !== undefined && { ssl }),
      // A copy: kafkajs writes into it.
      ...(sasl !== undefined && { sasl: { ...sasl } as NonNullable<KafkaConfig['sasl']> }),
    };
    this.#kafka = new kafkajs.Kafka(this.#config);
    this.#cluster = this.#newCluster();
    this.#admin = this.#kafka.admin();
  }

  async open(): Promise<void> {
    await this.#try(async () => {
      await this.#cluster.connect();
      await this.#broker();
    });
  }

  async close(): Promise<void> {
    const producer = await this.#producer?.catch(() => undefined);
    await Promise.allSettled([
      producer?.disconnect(),
      this.#connectedAdmin && this.#admin.disconnect(),
      this.#cluster.disconnect(),
    ]);
  }

  async cluster(topics: readonly string[] = []): Promise<ClusterInfo> {
    return this.#try(async () => {
      const broker = await this.#broker();
      const answers = await metadataOf(broker, topics);
      return {
        brokers: answers[0]?.brokers.length ?? 0,
        topics: new Map(
          answers.flatMap(({ topicMetadata }) =>
            topicMetadata.map(({ topic, partitionMetadata }) => [
              topic,
              partitionMetadata
                .map(({ partitionId, replicas, isr }) => ({
                  partition: partitionId,
                  replicas: replicas.length,
                  inSync: isr.length,
                }))
                .sort((a, b) => a.partition - b.partition),
            ]),
          ),
        ),
      };
    });
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    const specs = topics.map(({ topic, partitions, replicas, config }) => ({
      topic,
      numPartitions: partitions,
      replicationFactor: replicas,
      configEntries: Object.entries(config).map(([name, value]) => ({ name, value })),
    }));
    await this.#asAdmin((admin) => admin.createTopics({ topics: specs, waitForLeaders: false, timeout: MAKING_MS }));
    await this.#led(topics.map(({ topic }) => topic));
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
    return this.#again(async () => {
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
    await this.#try(async () => {
      const topics = new Map<string, Message[]>();
      for (const { topic, partition, key, value, headers } of records) {
        let messages = topics.get(topic);
        if (!messages) topics.set(topic, (messages = []));
        messages.push({
          partition,
          key: key as Buffer | null,
          value: value as Buffer | null,
          headers: headers as Record<string, Buffer>,
        });
      }
      this.#producer ??= this.#newProducer();
      const starting = this.#producer;
      const producer = await starting.catch((error: unknown) => {
        if (this.#producer === starting) this.#producer = undefined;
        throw error;
      });
      const topicMessages = [...topics].map(([topic, messages]) => ({ topic, messages }));
      await producer.sendBatch({ topicMessages, acks: -1, timeout: REQUEST_MS });
    });
  }

  async renew(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    void producer?.then((one) => one.disconnect()).catch(() => undefined);
  }

  async read(place: Place, offset: number): Promise<Fetched> {
    return this.#again(async () => {
      const [node] = [...(await this.#byLeader([place])).keys()];
      const broker = await this.#cluster.findBroker({ nodeId: node ?? -1 });
      const [fetched] = await fetchFrom(broker, [{ ...place, offset }], 0);
      return fetched ?? { ...place, records: [], next: offset };
    });
  }

  async deleteBefore(place: Place, offset: number): Promise<void> {
    await this.#again(async () => {
      const { topic, partition } = place;
      const [node] = [...(await this.#byLeader([place])).keys()];
      const broker = await this.#cluster.findBroker({ nodeId: node ?? -1 });
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
    return this.#again(async () => committedOf(await this.#coordinator(group), group, counts));
  }

  async commit(group: string, offsets: readonly CommittedOffset[]): Promise<void> {
    await this.#again(async () => {
      const broker = await this.#coordinator(group);
      const request = { groupId: group, memberId: '', groupGenerationId: -1, topics: offsetsByTopic(offsets) };
      await broker.offsetCommit(request);
    });
  }

  member(group: string): MemberLink {
    return new KafkajsMember(group, () => this.#newCluster());
  }

  async #broker(): Promise<RawBroker> {
    if (!this.#cluster.isConnected()) await this.#cluster.connect();
    return this.#cluster.brokerPool.findConnectedBroker();
  }

  async #coordinator(group: string): Promise<RawBroker> {
    await this.#broker();
    return this.#cluster.findGroupCoordinator({ groupId: group });
  }

  async #byLeader(places: readonly Place[]): Promise<ReadonlyMap<number, Place[]>> {
    const topics = [...new Set(places.map(({ topic }) => topic))];
    const leaders = new Map<string, number>();
    for (const { topicMetadata } of await metadataOf(await this.#broker(), topics)) {
      for (const { topic, partitionMetadata } of topicMetadata) {
        for (const { partitionId, leader } of partitionMetadata)
          leaders.set(placeKey({ topic, partition: partitionId }), leader);
      }
    }
    const nodes = new Map<number, Place[]>();
    for (const place of places) {
      const leader = leaders.get(placeKey(place)) ?? -1;
      const own = nodes.get(leader);
      if (own) own.push(place);
      else nodes.set(leader, [place]);
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
        if ((error as { readonly type?: string }).type !== 'LEADER_NOT_AVAILABLE') throw failureOf(error);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  #newCluster(): RawCluster {
    return new Cluster({
      ...this.#config,
      logger: createLogger({ level: kafkajs.logLevel.NOTHING, logCreator: silent }),
      socketFactory: this.#config.socketFactory ?? defaultSocketFactory(),
      isolationLevel: READ_COMMITTED,
      metadataMaxAge: 60_000,
      allowAutoTopicCreation: false,
    });
  }

  /** Idempotent, so that what is sent again after a lost answer is there once. */
  async #newProducer(): Promise<Producer> {
    const producer = this.#kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry: RETRY,
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
    });
    await producer.connect();
    return producer;
  }

  async #asAdmin<Answer>(work: (admin: Admin) => Promise<Answer>): Promise<Answer> {
    return this.#try(async () => {
      this.#connectedAdmin ??= this.#admin.connect();
      await this.#connectedAdmin.catch((error: unknown) => {
        this.#connectedAdmin = undefined;
        throw error;
      });
      return work(this.#admin);
    });
  }

  /** Leaders and coordinators move, and what was just made has none for a moment: the question is asked again. */
  async #again<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#try(work);
      } catch (error) {
        if (attempt === MOST_ATTEMPTS || !MOVING.has(codeOf(error) ?? '')) throw error;
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS * 2 ** attempt));
      }
    }
  }

  async #try<Answer>(work: () => Promise<Answer>): Promise<Answer> {
    try {
      return await work();
    } catch (error) {
      throw failureOf(error);
    }
  }
}

/** Asked for several of which one is not there, kafkajs gives none: then each is asked for by itself. */
async function metadataOf(broker: RawBroker, topics: readonly string[]): Promise<readonly RawMetadata[]> {
  try {
    return [await broker.metadata(topics)];
  } catch (error) {
    if (topics.length === 0 || !isUnknown(error)) throw error;
    if (topics.length > 1) {
      const answers = await Promise.all(topics.map((topic) => metadataOf(broker, [topic])));
      return answers.flat();
    }
    // Who the brokers are is answered beside topics that are there: how many replicas a new one gets depends on it.
    const { brokers } = await broker.metadata([]);
    return [{ brokers, topicMetadata: [] }];
  }
}

function isUnknown(error: unknown): boolean {
  return (error as { readonly type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION';
}
