import {
  type Committed,
  type CommittedOffset,
  type Fetched,
  type FetchRequest,
  type Joined,
  type JoinRequest,
  KafkaFailure,
  type MemberLink,
  type Membership,
  type Place,
  placeKey,
} from '../kafka-client.js';
import { failureOf } from './kafkajs-failure.js';
import { fetchFrom } from './kafkajs-fetch.js';
import { MemberAssignment, MemberMetadata, type RawBroker, type RawCluster } from './kafkajs-parts.js';
import type { Sockets } from './kafkajs-sockets.js';

/** The name of our way to share partitions: members that go by another one are refused by the broker. */
const PROTOCOL = 'thrun';

/** Above what kafkajs itself gives a request. */
const SILENT_MS = 15_000;

/** One member's connections: a coordinator's answers are not to wait behind those of another member. */
export class KafkajsMember implements MemberLink {
  readonly #sockets: Sockets;
  readonly #group: string;
  readonly #newCluster: () => RawCluster;
  #cluster: RawCluster;
  #coordinator: Promise<RawBroker> | undefined;
  #topics: readonly string[] = [];

  constructor(group: string, newCluster: () => RawCluster, sockets: Sockets) {
    this.#sockets = sockets;
    this.#group = group;
    this.#newCluster = newCluster;
    this.#cluster = newCluster();
  }

  async join({ memberId, sessionMs, rebalanceMs, topics, userData }: JoinRequest): Promise<Joined> {
    this.#topics = topics;
    const metadata = MemberMetadata.encode({ version: 1, topics, userData: Buffer.from(userData) });
    const joined = await this.#ask(
      (broker) =>
        broker.joinGroup({
          groupId: this.#group,
          memberId,
          sessionTimeout: sessionMs,
          rebalanceTimeout: rebalanceMs,
          groupProtocols: [{ name: PROTOCOL, metadata }],
        }),
      // It is answered when the others have come, or had their time to.
      rebalanceMs + SILENT_MS,
    );
    const isLeader = joined.leaderId === joined.memberId;
    const members = joined.members.map((one) => ({
      memberId: one.memberId,
      userData: MemberMetadata.decode(one.memberMetadata).userData?.toString() ?? '',
    }));
    return {
      memberId: joined.memberId,
      generation: joined.generationId,
      members: isLeader ? members : undefined,
    };
  }

  async sync({ memberId, generation }: Membership, assignment?: ReadonlyMap<string, readonly Place[]>) {
    const groupAssignment = [...(assignment ?? [])].map(([member, places]) => ({
      memberId: member,
      memberAssignment: MemberAssignment.encode({ version: 1, assignment: byTopic(places) }),
    }));
    const request = { groupId: this.#group, memberId, generationId: generation, groupAssignment };
    const { memberAssignment } = await this.#ask((broker) => broker.syncGroup(request));
    return placesOf(MemberAssignment.decode(memberAssignment)?.assignment ?? {});
  }

  async heartbeat({ memberId, generation }: Membership): Promise<void> {
    const request = { groupId: this.#group, memberId, groupGenerationId: generation };
    await this.#ask((broker) => broker.heartbeat(request));
  }

  async commit({ memberId, generation }: Membership, offsets: readonly CommittedOffset[]): Promise<void> {
    const request = { groupId: this.#group, memberId, groupGenerationId: generation, topics: offsetsByTopic(offsets) };
    await this.#ask((broker) => broker.offsetCommit(request));
  }

  async committed(topics: readonly string[]): Promise<Committed> {
    const counts = await this.partitions(topics);
    return this.#ask((broker) => committedOf(broker, this.#group, counts));
  }

  async leave({ memberId }: Membership): Promise<void> {
    await this.#ask((broker) => broker.leaveGroup({ groupId: this.#group, memberId }));
  }

  async partitions(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#try(async () => {
      await this.#connect(topics);
      await this.#cluster.refreshMetadata();
      return new Map(topics.map((topic) => [topic, this.#cluster.findTopicPartitionMetadata(topic).length]));
    });
  }

  async leaders(topics: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#try(async () => {
      await this.#connect(topics);
      await this.#cluster.refreshMetadata();
      return new Map(
        topics.flatMap((topic) =>
          this.#cluster
            .findTopicPartitionMetadata(topic)
            .map(({ partitionId, leader }) => [placeKey({ topic, partition: partitionId }), leader] as const),
        ),
      );
    });
  }

  async fetch(node: number, { waitMs, places }: FetchRequest): Promise<readonly Fetched[]> {
    return this.#try(async () => {
      const broker = await this.#cluster.findBroker({ nodeId: node });
      return fetchFrom(broker, places, waitMs);
    });
  }

  async close(): Promise<void> {
    await this.#cluster.disconnect();
  }

  async #connect(topics: readonly string[]): Promise<void> {
    if (!this.#cluster.isConnected()) await this.#cluster.connect();
    await this.#cluster.addMultipleTargetTopics(topics);
  }

  /** @throws what the coordinator refuses; where it is not the coordinator any more, the next question goes to the new one */
  async #ask<Answer>(question: (broker: RawBroker) => Promise<Answer>, patienceMs?: number): Promise<Answer> {
    return this.#try(async () => {
      this.#coordinator ??= this.#connect(this.#topics).then(() =>
        this.#cluster.findGroupCoordinator({ groupId: this.#group }),
      );
      const asking = this.#coordinator;
      try {
        return await question(await asking);
      } catch (error) {
        if (this.#coordinator === asking) this.#coordinator = undefined;
        throw error;
      }
    }, patienceMs);
  }

  /** Whatever kafkajs does not even fail at: its connections are taken to hang, and new ones take their place. */
  async #try<Answer>(work: () => Promise<Answer>, patienceMs = SILENT_MS): Promise<Answer> {
    this.#sockets.refuse();
    const cluster = this.#cluster;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        if (this.#cluster === cluster) {
          this.#cluster = this.#newCluster();
          this.#coordinator = undefined;
          void cluster.disconnect().catch(() => undefined);
        }
        reject(new KafkaFailure('CONNECTION', `no answer within ${patienceMs} ms`, true, undefined, {}));
      }, patienceMs);
    });
    try {
      return await Promise.race([work(), silence]);
    } catch (error) {
      throw failureOf(error);
    } finally {
      clearTimeout(timer);
    }
  }
}

export async function committedOf(
  broker: RawBroker,
  group: string,
  counts: ReadonlyMap<string, number>,
): Promise<Committed> {
  const topics = [...counts].map(([topic, count]) => ({
    topic,
    partitions: Array.from({ length: count }, (_, partition) => ({ partition })),
  }));
  const committed = new Map<string, CommittedOffset>();
  if (topics.length === 0) return committed;
  const { responses } = await broker.offsetFetch({ groupId: group, topics });
  for (const { topic, partitions } of responses) {
    for (const { partition, offset, metadata } of partitions) {
      if (offset === '-1') continue;
      const place = { topic, partition };
      committed.set(placeKey(place), { ...place, offset: Number(offset), metadata: metadata ?? '' });
    }
  }
  return committed;
}

export function offsetsByTopic(offsets: readonly CommittedOffset[]) {
  const topics = new Map<string, { partition: number; offset: string; metadata: string }[]>();
  for (const { topic, partition, offset, metadata } of offsets) {
    let partitions = topics.get(topic);
    if (!partitions) topics.set(topic, (partitions = []));
    partitions.push({ partition, offset: String(offset), metadata });
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}

function byTopic(places: readonly Place[]): Record<string, number[]> {
  const topics: Record<string, number[]> = {};
  for (const { topic, partition } of places) (topics[topic] ??= []).push(partition);
  return topics;
}

function placesOf(assignment: Readonly<Record<string, readonly number[]>>): readonly Place[] {
  return Object.entries(assignment).flatMap(([topic, partitions]) =>
    partitions.map((partition) => ({ topic, partition })),
  );
}
