import { expect, onTestFinished, test } from 'vitest';
import type { OutgoingRecord } from '../../../src/transports/kafka/kafka-client.js';
import { KafkajsClient } from '../../../src/transports/kafka/client/kafkajs-client.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { sharedKafka } from '../../brokers/shared.js';
import { queueName, until } from './stage.js';

const PARTITIONS = 4;

test('records for many places in one call: each is there once, in its place and its order', async () => {
  const { client, topics } = await clientWith(2);
  for (let call = 0; call < 3; call++) {
    const records = Array.from({ length: 4000 }, (_, i) => record(topics[i % 2] as string, i % 3, `${call}-${i}`));
    await client.send(records);
  }
  for (const [half, topic] of topics.entries()) {
    for (let partition = 0; partition < 3; partition++) {
      const wanted = [0, 1, 2].flatMap((call) =>
        Array.from({ length: 4000 }, (_, i) => i)
          .filter((i) => i % 2 === half && i % 3 === partition)
          .map((i) => `${call}-${i}`),
      );
      expect(await valuesIn(client, topic, partition)).toEqual(['first', ...wanted]);
    }
  }
}, 60_000);

test('a partition that is not there is an error, nothing of that call is lost in silence, and the next one goes on', async () => {
  const { client, topics } = await clientWith(1);
  const [topic = ''] = topics;
  await client.send([record(topic, 0, 'before')]);
  const sending = client.send([record(topic, PARTITIONS, 'nowhere')]);
  await expect(sending).rejects.toMatchObject({
    code: 'UNKNOWN_TOPIC_OR_PARTITION',
    place: { topic, partition: PARTITIONS },
  });
  await client.send([record(topic, 0, 'after')]);
  expect(await valuesIn(client, topic, 0)).toEqual(['first', 'before', 'after']);
}, 60_000);

test('what failed as a whole is sent again as a whole: whoever took it already has it once', async () => {
  const { client, topics } = await clientWith(2);
  const [small = '', large = ''] = topics;
  // Beyond what the broker takes of one: this partition refuses, the other has taken its part.
  const records = [record(small, 0, 'taken'), { ...record(large, 0, ''), value: Buffer.alloc(2 * 1024 * 1024) }];
  await expect(client.send(records)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  await expect(client.send(records)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' });
  expect(await valuesIn(client, small, 0)).toEqual(['first', 'taken']);
}, 60_000);

async function clientWith(count: number) {
  const client = new KafkajsClient(kafkaOptions(await sharedKafka()));
  onTestFinished(() => client.close());
  await client.open();
  const topics = Array.from({ length: count }, () => queueName());
  await client.createTopics(topics.map((topic) => ({ topic, partitions: PARTITIONS, replicas: 1, config: {} })));
  // Who has just been told to lead a partition does not know it yet.
  for (const topic of topics) {
    await until(() => client.send(Array.from({ length: PARTITIONS }, (_, i) => record(topic, i, 'first'))), 10_000);
  }
  return { client, topics };
}

async function valuesIn(client: KafkajsClient, topic: string, partition: number): Promise<string[]> {
  const values: string[] = [];
  const [end = 0] = await client.offsets([{ topic, partition }], 'latest');
  for (let offset = 0; offset < end; ) {
    const { records, next } = await client.read({ topic, partition }, offset);
    values.push(...records.map(({ value }) => String(value)));
    offset = next;
  }
  return values;
}

function record(topic: string, partition: number, value: string): OutgoingRecord {
  return { topic, partition, key: null, value: Buffer.from(value), headers: { of: 'a test' } };
}
