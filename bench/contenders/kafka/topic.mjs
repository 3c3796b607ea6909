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
