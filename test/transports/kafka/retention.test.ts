import { Kafka, logLevel } from 'kafkajs';
import { expect, onTestFinished, test } from 'vitest';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { acking, allReceived, consuming, message, node, one, opened, queueName, until } from './stage.js';

const { topics } = kafkaOptions('');

test('what Kafka has deleted before it was read is reported with its number, and the rest is handled', async () => {
  const broker = await node();
  const queue = queueName();
  // It has read one, and is away while more come.
  const first = await opened(broker.url, { topics: { ...topics, partitions: 1 } });
  const before = await consuming(first, queue);
  await first.publish(queue, [message('read')]);
  await (await one(before.consumer)).ack();
  await first.close();

  const publisher = await opened(broker.url);
  await publisher.publish(
    queue,
    Array.from({ length: 10 }, (_, i) => message(String(i))),
  );
  const admin = new Kafka({ brokers: [broker.url], logLevel: logLevel.NOTHING }).admin();
  onTestFinished(() => admin.disconnect());
  await admin.connect();
  expect(await admin.fetchTopicOffsets(queue)).toMatchObject([{ high: '11' }]);
  await admin.deleteTopicRecords({ topic: queue, partitions: [{ partition: 0, offset: '8' }] });

  const { consumer, degraded } = await consuming(await opened(broker.url), queue);
  const received = acking(consumer);
  await allReceived(['7', '8', '9'], received, 20_000);
  expect(received).toEqual(['7', '8', '9']);
  await until(() => expect(degraded().join()).toMatch(/^7 messages .* were deleted before/));
});
