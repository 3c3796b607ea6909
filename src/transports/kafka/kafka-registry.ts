import { codeOf, type KafkaClient, type Place } from './kafka-client.js';
import { errorFor } from './kafka-errors.js';
import { groupId, groupOf, topicName, waitTopic } from './kafka-names.js';
import type { Topics } from './kafka-topics.js';

/** Which groups consume a queue, and where each of them begins. A group is registered by its first committed offsets. */
export class Registry {
  readonly #client: KafkaClient;
  readonly #topics: Topics;
  readonly #registered = new Set<string>();

  constructor(client: KafkaClient, topics: Topics) {
    this.#client = client;
    this.#topics = topics;
  }

  /**
   * From now on nothing that is published passes the group by. The first group of a queue gets what waits there too; whoever
   * comes later begins with what comes.
   * @returns the topics it reads
   */
  async register(queue: string, group: string): Promise<readonly string[]> {
    const id = groupId(queue, group);
    try {
      const topics = await this.#topics.consumed(queue, group);
      if (!this.#registered.has(id)) await this.#begin(queue, group);
      this.#registered.add(id);
      return topics;
    } catch (error) {
      throw errorFor(error);
    }
  }

  /** Somebody deleted what was there. */
  async renew(queue: string, group: string): Promise<void> {
    this.#topics.forget();
    this.#registered.delete(groupId(queue, group));
    await this.register(queue, group);
  }

  async groupsOf(queue: string): Promise<readonly string[]> {
    const ids = await this.#client.groups();
    return ids.flatMap((id) => groupOf(id, queue) ?? []).sort();
  }

  async #begin(queue: string, group: string): Promise<void> {
    const id = groupId(queue, group);
    const shared = [topicName(queue), waitTopic(queue)];
    if ((await this.#client.committed(id, shared)).size > 0) return;
    const others = (await this.groupsOf(queue)).filter((other) => other !== group);
    const { topics } = await this.#client.cluster(shared);
    const places: Place[] = [...topics].flatMap(([topic, partitions]) =>
      partitions.map(({ partition }) => ({ topic, partition })),
    );
    const starts = await this.#client.offsets(places, others.length > 0 ? 'latest' : 'earliest');
    const offsets = places.map((place, i) => ({ ...place, offset: starts[i] ?? 0, metadata: '' }));
    await this.#client.commit(id, offsets).catch((error: unknown) => {
      // Somebody of the group has been quicker, and is in it.
      if (codeOf(error) !== 'UNKNOWN_MEMBER_ID' && codeOf(error) !== 'ILLEGAL_GENERATION') throw error;
    });
  }
}
