import { Kafka, logLevel } from 'kafkajs';

export const PARTITIONS = 4;

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

export function kafkaAt(url) {
  return new Kafka({ clientId: 'bench', brokers: [url], logLevel: logLevel.NOTHING });
}

/** The same for all: a topic that is there already stays as it is. */
export async function makeTopic(kafka, topic) {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: PARTITIONS }], waitForLeaders: true });
  await admin.disconnect();
}

/** The first group of a broker waits until the topic of its offsets is made; that is no contender's time. */
export async function makeOffsetsTopic(url) {
  const kafka = kafkaAt(url);
  await makeTopic(kafka, 'first');
  const consumer = kafka.consumer({ groupId: 'first' });
  await consumer.connect();
  await consumer.subscribe({ topic: 'first' });
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve));
  await consumer.run({ eachMessage: async () => undefined });
  await joined;
  await consumer.disconnect();
}

/**
 * A broker that has just started compiles what it runs for a while: whoever comes first would be measured on a slower one.
 * Publishing, reading and committing as all contenders do, for some seconds.
 */
export async function warmUp(url, ms = 15_000) {
  const kafka = kafkaAt(url);
  await makeTopic(kafka, 'warm-up');
  const producer = kafka.producer();
  const consumer = kafka.consumer({ groupId: 'warm-up' });
  await Promise.all([producer.connect(), consumer.connect()]);
  await consumer.subscribe({ topic: 'warm-up', fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { topic, partition, lastOffset } }) =>
      consumer.commitOffsets([{ topic, partition, offset: String(Number(lastOffset()) + 1) }]),
  });
  const messages = (count) => Array.from({ length: count }, () => ({ value: 'x'.repeat(200) }));
  const publish = async (count) => {
    while (performance.now() < until) await producer.send({ topic: 'warm-up', messages: messages(count) });
  };
  const until = performance.now() + ms;
  await Promise.all([publish(1), publish(1), publish(1), publish(100)]);
  await Promise.all([producer.disconnect(), consumer.disconnect()]);
}
