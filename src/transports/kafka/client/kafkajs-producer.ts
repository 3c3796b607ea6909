import { GONE, KafkaFailure, type OutgoingRecord, type Place, placeKey } from '../kafka-client.js';
import type { KafkaOptions } from '../kafka-options.js';
import { type Connections, REQUEST_MS } from './kafkajs-connections.js';
import type { RawCluster } from './kafkajs-parts.js';
import { type Batch, PACKED, PLAIN, produceTo } from './kafkajs-produce.js';

/** Numbers of records begin anew after it. */
const SEQUENCES = 2 ** 31;

/** Writes records under a number that brokers know, which is asked for when the first of them is there. */
export class KafkajsProducer {
  readonly #connections: Connections;
  readonly #isPacked: boolean;
  #identity: Promise<Identity> | undefined;

  constructor(connections: Connections, compression: KafkaOptions['compression']) {
    this.#connections = connections;
    this.#isPacked = compression === 'gzip';
  }

  /** One call at a time. What failed is there or not: sent again as it was, it is there once. */
  async send(records: readonly OutgoingRecord[]): Promise<void> {
    const identity = await this.#known();
    await identity.send(records, this.#isPacked);
  }

  /** What was not confirmed is forgotten with the number that it was sent under. */
  renew(): void {
    const identity = this.#identity;
    this.#identity = undefined;
    void identity?.then((one) => one.close()).catch(() => undefined);
  }

  async close(): Promise<void> {
    await (await this.#identity)?.close();
  }

  async #known(): Promise<Identity> {
    this.#identity ??= this.#connections.again(() => Identity.of(this.#connections.cluster()));
    const asking = this.#identity;
    return asking.catch((error: unknown) => {
      if (this.#identity === asking) this.#identity = undefined;
      throw error;
    });
  }
}

/** One number, with connections of its own, and how many records each partition has taken under it. */
class Identity {
  readonly #sequences = new Map<string, number>();
  /** By place, its node. */
  readonly #leaders = new Map<string, number>();

  private constructor(
    private readonly cluster: RawCluster,
    private readonly producer: number,
    private readonly epoch: number,
  ) {}

  static async of(cluster: RawCluster): Promise<Identity> {
    try {
      await cluster.connect();
      const broker = await cluster.brokerPool.findConnectedBroker();
      const { producerId, producerEpoch } = await broker.initProducerId({ transactionTimeout: REQUEST_MS });
      return new Identity(cluster, Number(producerId), producerEpoch);
    } catch (error) {
      void cluster.disconnect().catch(() => undefined);
      throw error;
    }
  }

  async send(records: readonly OutgoingRecord[], isPacked: boolean): Promise<void> {
    const batches = this.#batches(records);
    try {
      await this.#find(batches);
      const asking: Promise<void>[] = [];
      for (const [nodeId, own] of this.#byLeader(batches)) asking.push(this.#produce(nodeId, own, isPacked));
      // The others are waited for as well: what comes next may not overtake them.
      for (const answer of await Promise.allSettled(asking)) if (answer.status === 'rejected') throw answer.reason;
    } catch (error) {
      this.#leaders.clear();
      this.cluster.targetTopics.clear();
      throw error;
    }
    // Only now: what has to be sent again, of those that took it too, has the numbers that it had.
    for (const batch of batches) {
      this.#sequences.set(placeKey(batch), (batch.origin.sequence + batch.records.length) % SEQUENCES);
    }
  }

  async close(): Promise<void> {
    await this.cluster.disconnect();
  }

  #batches(records: readonly OutgoingRecord[]): readonly Batch[] {
    const time = Date.now();
    const batches = new Map<string, Batch>();
    let last: Batch | undefined;
    for (const record of records) {
      const { topic, partition } = record;
      if (last?.partition !== partition || last.topic !== topic) {
        const key = placeKey(record);
        last = batches.get(key);
        if (!last) {
          const sequence = this.#sequences.get(key) ?? 0;
          const origin = { producer: this.producer, epoch: this.epoch, sequence, time };
          batches.set(key, (last = { topic, partition, records: [], origin }));
        }
      }
      last.records.push(record);
    }
    return [...batches.values()];
  }

  async #find(places: readonly Place[]): Promise<void> {
    const topics = new Set<string>();
    for (const place of places) if (!this.#leaders.has(placeKey(place))) topics.add(place.topic);
    if (topics.size === 0) return;
    if (!this.cluster.isConnected()) await this.cluster.connect();
    await this.cluster.addMultipleTargetTopics([...topics]);
    await this.cluster.refreshMetadata();
    for (const topic of topics) {
      for (const { partitionId, leader } of this.cluster.findTopicPartitionMetadata(topic)) {
        this.#leaders.set(placeKey({ topic, partition: partitionId }), leader);
      }
    }
  }

  #byLeader(batches: readonly Batch[]): ReadonlyMap<number, readonly Batch[]> {
    const nodes = new Map<number, Batch[]>();
    for (const batch of batches) {
      const node = this.#leaderOf(batch);
      const own = nodes.get(node);
      if (own) own.push(batch);
      else nodes.set(node, [batch]);
    }
    return nodes;
  }

  #leaderOf({ topic, partition }: Place): number {
    const place = { topic, partition };
    const node = this.#leaders.get(placeKey(place));
    if (node === undefined) throw new KafkaFailure(GONE, `there is no ${placeKey(place)}`, true, place, {});
    if (node < 0) throw new KafkaFailure('LEADER_NOT_AVAILABLE', `nobody leads ${placeKey(place)}`, true, place, {});
    return node;
  }

  async #produce(nodeId: number, batches: readonly Batch[], isPacked: boolean): Promise<void> {
    const broker = await this.cluster.findBroker({ nodeId });
    await produceTo(broker, batches, REQUEST_MS, isPacked ? PACKED : PLAIN);
  }
}
