import { StallableClock, type Subject } from '../../src/testing/conformance/index.js';
import type { KafkaOptions } from '../../src/transports/kafka/kafka-options.js';
import { KafkaTransport } from '../../src/transports/kafka/kafka-transport.js';
import { sharedKafka } from './shared.js';

/** What the conformance suite asks that Kafka cannot do, each with its reason. */
export const SKIPPED: Readonly<Record<string, string>> = {
  'workers of one group share the messages: each goes to one of them':
    'a partition is read by one member of the group, so the shares are not even to the message',
  'what one worker holds does not keep others from what came after it':
    'a partition stays with the member that holds something of it',
};

export function kafkaOptions(url: string, more: Partial<KafkaOptions> = {}): KafkaOptions {
  return {
    brokers: [url],
    clientId: 'test',
    timeoutMs: 10_000,
    heartbeatMs: 50,
    // Few: a broker makes each of them a folder and files.
    topics: { partitions: 2, retentionMs: 86_400_000, maxMessageBytes: 2 * 1024 * 1024 },
    ...more,
  };
}

export const { traits } = new KafkaTransport(kafkaOptions('nowhere:9092'));

/** A broker that all cases share: their topics have names of their own. */
export async function kafkaSubject(): Promise<Subject> {
  const options = kafkaOptions(await sharedKafka());
  return {
    transport: new KafkaTransport(options),
    dyingMs: 1500,
    another: async () => new KafkaTransport(options),
    async stalling() {
      const clock = new StallableClock();
      return { transport: new KafkaTransport(options, clock), stall: () => clock.stall() };
    },
    destroy: async () => undefined,
  };
}
