import type { KafkaClient, TopicSpec } from './kafka-client.js';
import { errorFor, refused } from './kafka-errors.js';
import { RUNGS } from './kafka-ladder.js';
import { groupTopics, topicName, waitTopic } from './kafka-names.js';
import type { KafkaTopicOptions } from './kafka-options.js';

/** As many replicas as this are enough to lose one and still have every write twice. */
const REPLICAS = 3;

const DAY_MS = 86_400_000;

/** Topics are made when they are first used, with settings that keep what is in them; those that are there stay as they are. */
export class Topics {
  readonly #client: KafkaClient;
  readonly #options: KafkaTopicOptions;
  /** Their partitions. */
  readonly #known = new Map<string, number>();
  #making: Promise<void> = Promise.resolve();

  constructor(client: KafkaClient, options: KafkaTopicOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** @returns how many partitions the queue has */
  async queue(queue: string): Promise<number> {
    const topic = topicName(queue);
    return this.#known.get(topic) ?? (await this.#have([this.#main(queue)]), this.#count(topic));
  }

  /** @returns the topic of first deliveries that wait */
  async wait(queue: string): Promise<string> {
    const topic = waitTopic(queue);
    if (!this.#known.has(topic)) await this.#have([this.#waiting(queue)]);
    return topic;
  }

  /** Everything a group needs to receive. @returns how many partitions its retries have */
  async group(queue: string, group: string): Promise<number> {
    const { again, wait } = groupTopics(queue, group);
    const count = this.#known.get(again);
    if (count !== undefined && this.#known.has(wait)) return count;
    await this.#have([this.#kept(again, this.#options.partitions), this.#kept(wait, RUNGS.length)]);
    return this.#count(again);
  }

  /** All that a member of the group reads. */
  async consumed(queue: string, group: string): Promise<readonly string[]> {
    const { again, wait } = groupTopics(queue, group);
    const topics = [topicName(queue), waitTopic(queue), again, wait];
    if (topics.some((topic) => !this.#known.has(topic))) {
      await this.#have([
        this.#main(queue),
        this.#waiting(queue),
        this.#kept(again, this.#options.partitions),
        this.#kept(wait, RUNGS.length),
      ]);
    }
    return topics;
  }

  async dead(queue: string, group: string): Promise<string> {
    const { dead } = groupTopics(queue, group);
    if (!this.#known.has(dead)) {
      // A table: a letter is a row under its own key, and a tombstone takes it out.
      const { config, ...spec } = this.#kept(dead, 1);
      await this.#have([{ ...spec, config: { ...config, 'cleanup.policy': 'compact' } }]);
    }
    return dead;
  }

  /** Somebody deleted what was there. */
  forget(): void {
    this.#known.clear();
  }

  /** One at a time: two that make the same topics would trip over each other. */
  #have(specs: readonly Omit<TopicSpec, 'replicas'>[]): Promise<void> {
    const making = this.#making.then(() => this.#make(specs));
    this.#making = making.catch(() => undefined);
    return making;
  }

  async #make(specs: readonly Omit<TopicSpec, 'replicas'>[]): Promise<void> {
    try {
      const missing = specs.filter(({ topic }) => !this.#known.has(topic));
      if (missing.length === 0) return;
      const { brokers, topics } = await this.#client.cluster(missing.map(({ topic }) => topic));
      for (const [topic, partitions] of topics) this.#known.set(topic, partitions.length);
      const wanted = missing.filter(({ topic }) => !topics.has(topic));
      if (wanted.length === 0) return;
      const replicas = this.#options.replicas ?? Math.max(1, Math.min(REPLICAS, brokers));
      const minInSync = this.#options.minInSync ?? (replicas >= REPLICAS ? 2 : 1);
      await this.#client.createTopics(
        wanted.map((spec) => ({
          ...spec,
          replicas,
          config: { ...spec.config, 'min.insync.replicas': String(minInSync) },
        })),
      );
      for (const { topic, partitions } of wanted) this.#known.set(topic, partitions);
    } catch (error) {
      throw errorFor(error);
    }
  }

  #main(queue: string) {
    const { partitions, retentionMs } = this.#options;
    return this.#spec(topicName(queue), partitions, retentionMs);
  }

  /** As long as the queue's own, and the longest rung more. */
  #waiting(queue: string) {
    const { retentionMs } = this.#options;
    return this.#spec(waitTopic(queue), RUNGS.length, retentionMs < 0 ? -1 : retentionMs + 2 * DAY_MS);
  }

  /** Nothing is deleted there but what is settled. */
  #kept(topic: string, partitions: number) {
    return this.#spec(topic, partitions, -1);
  }

  #spec(topic: string, partitions: number, retentionMs: number) {
    const { maxMessageBytes } = this.#options;
    const config: Record<string, string> = {
      'max.message.bytes': String(maxMessageBytes),
      'retention.ms': String(retentionMs),
      'unclean.leader.election.enable': 'false',
    };
    return { topic, partitions, config };
  }

  #count(topic: string): number {
    const count = this.#known.get(topic);
    if (count === undefined) throw refused(`there is no topic ${JSON.stringify(topic)}`);
    return count;
  }
}
