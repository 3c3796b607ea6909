import kafkajs from 'kafkajs';
import { afterEach, expect, test } from 'vitest';
import type { TransportNotice } from '../../../src/contracts/transport.js';
import { groupTopics, topicName } from '../../../src/transports/kafka/kafka-names.js';
import { KafkaTransport } from '../../../src/transports/kafka/kafka-transport.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { sharedKafka } from '../../brokers/shared.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

test('a topic that is deleted while it is consumed is made anew, and said', async () => {
  const { transport, queue, notices, texts } = await start();
  await transport.publish(queue, [message('before')]);
  expect(await texts(1)).toEqual(['before']);
  const { again } = groupTopics(queue, 'workers');
  await admin((one) => one.deleteTopics({ topics: [topicName(queue), again] }));
  const receiving = texts(1);
  await expect.poll(() => notices.filter(({ kind }) => kind === 'degraded'), { timeout: 10_000 }).not.toEqual([]);
  await transport.publish(queue, [message('after')]);
  expect(await receiving).toEqual(['after']);
  expect(notices).toContainEqual({
    kind: 'degraded',
    message: expect.stringMatching(/was deleted: what was in it is gone/),
  });
});

test('a batch that is too large when it is unpacked holds up its own partition and no other', async () => {
  const { transport, queue, notices, texts } = await start();
  await transport.publish(queue, []);
  const send = await zipping(topicName(queue));
  await send(0, 'zipped');
  expect(await texts(1)).toEqual(['zipped']);
  await send(0, Buffer.alloc(33 * MIB));
  await send(1, 'beside it');
  expect(await texts(1)).toEqual(['beside it']);
  const message = expect.stringMatching(
    /\/0 waits for records .* gzip: it comes to more than 32 MiB .*kafka-delete-records/,
  );
  await expect.poll(() => notices).toContainEqual({ kind: 'degraded', message });
});

test('many batches that are large when they are unpacked come one after the other', async () => {
  const { transport, queue, notices, texts } = await start();
  await transport.publish(queue, []);
  const send = await zipping(topicName(queue));
  const letters = ['a', 'b', 'c', 'd', 'e'];
  for (const text of letters) await send(0, Buffer.alloc(20 * MIB, text));
  expect((await texts(5)).map((text) => [text[0], text.length])).toEqual(letters.map((text) => [text, 20 * MIB]));
  expect(notices).toEqual([]);
});

const MIB = 1024 * 1024;

/** Sends to one partition, compressed with gzip. */
async function zipping(topic: string) {
  const createPartitioner: kafkajs.ICustomPartitioner =
    () =>
    ({ message: one }) =>
      one.partition ?? 0;
  const producer = kafka(await sharedKafka()).producer({ createPartitioner });
  await producer.connect();
  open.push({ close: () => producer.disconnect() });
  const compression = kafkajs.CompressionTypes.GZIP;
  return async (partition: number, value: string | Buffer) =>
    void (await producer.send({ topic, compression, messages: [{ partition, value }] }));
}

async function start() {
  const transport = new KafkaTransport(kafkaOptions(await sharedKafka()));
  open.push(transport);
  await transport.open();
  const queue = `broken-${crypto.randomUUID()}`;
  const notices: TransportNotice[] = [];
  const onNotice = (notice: TransportNotice) => notices.push(notice);
  const consumer = await transport.consume({ queue, group: 'workers', visibilityMs: 30_000, onNotice });
  const texts = async (count: number) => {
    const all: string[] = [];
    while (all.length < count) {
      for (const delivery of await consumer.next(count, { waitMs: 15_000 })) {
        all.push(Buffer.from(delivery.body).toString());
        await delivery.ack();
      }
    }
    return all;
  };
  return { transport, queue, notices, texts };
}

async function admin(work: (one: kafkajs.Admin) => Promise<void>): Promise<void> {
  const one = kafka(await sharedKafka()).admin();
  await one.connect();
  await work(one);
  await one.disconnect();
}

function kafka(broker: string): kafkajs.Kafka {
  return new kafkajs.Kafka({ brokers: [broker], logLevel: kafkajs.logLevel.NOTHING });
}

function message(text: string) {
  return { body: Buffer.from(text), event: 'x' };
}
