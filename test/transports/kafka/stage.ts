import { onTestFinished } from 'vitest';
import { createThrun, type Thrun, type ThrunConfig } from '../../../src/index.js';
import type { KafkaOptions } from '../../../src/transports/kafka/kafka-options.js';
import { KafkaTransport } from '../../../src/transports/kafka/kafka-transport.js';
import { type KafkaNode, type KafkaOptions as BrokerOptions, startKafka } from '../../brokers/kafka.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';

export { acking, allReceived, consuming, message, one, queueName, textOf, until } from '../receiving.js';

/** A broker that the test may hurt. */
export async function node(options: BrokerOptions = {}): Promise<KafkaNode> {
  const started = await startKafka(options);
  onTestFinished(() => started.dispose());
  return started;
}

export async function opened(url: string, more: Partial<KafkaOptions> = {}): Promise<KafkaTransport> {
  const transport = new KafkaTransport(kafkaOptions(url, more));
  onTestFinished(() => transport.close());
  await transport.open();
  return transport;
}

/** An application over Kafka, as its users make one. It does not work before it is told to. */
export async function app(url: string, queue: string, more: ThrunConfig = {}): Promise<Thrun> {
  const thrun = await createThrun({
    group: 'workers',
    queue,
    transport: 'kafka',
    transports: { kafka: { brokers: url } },
    logLevel: 'silent',
    ...more,
  });
  onTestFinished(() => thrun.close());
  return thrun;
}
