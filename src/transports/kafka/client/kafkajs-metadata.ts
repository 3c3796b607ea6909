import { type ClusterInfo, type Place, placeKey } from '../kafka-client.js';
import type { RawBroker, RawMetadata } from './kafkajs-parts.js';

/** Asked for several of which one is not there, kafkajs gives none: then each is asked for by itself. */
export async function metadataOf(broker: RawBroker, topics: readonly string[]): Promise<readonly RawMetadata[]> {
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

export function clusterOf(answers: readonly RawMetadata[]): ClusterInfo {
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
}

/** The places by the node that leads them; -1: nobody does. */
export function byLeader(answers: readonly RawMetadata[], places: readonly Place[]): ReadonlyMap<number, Place[]> {
  const leaders = new Map<string, number>();
  for (const { topicMetadata } of answers) {
    for (const { topic, partitionMetadata } of topicMetadata) {
      for (const { partitionId, leader } of partitionMetadata) {
        leaders.set(placeKey({ topic, partition: partitionId }), leader);
      }
    }
  }
  const nodes = new Map<number, Place[]>();
  for (const place of places) {
    const leader = leaders.get(placeKey(place)) ?? -1;
    const own = nodes.get(leader);
    if (own) own.push(place);
    else nodes.set(leader, [place]);
  }
  return nodes;
}
