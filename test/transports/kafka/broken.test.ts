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
}, 30_000);

test('gzip is read; what is compressed otherwise holds up its own partition and no other', async () => {
  const { transport, queue, notices, texts } = await start();
  await transport.publish(queue, []);
  const { CompressionTypes, CompressionCodecs } = kafkajs;
  const unknown = CompressionCodecs[CompressionTypes.Snappy];
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: async (encoder: { readonly buffer: Buffer }) => snappy(encoder.buffer),
    // Whoever reads it meanwhile cannot, as ever.
    decompress: async () => unknown?.() as never,
  });
  const producer = kafka(await sharedKafka()).producer({
    createPartitioner:
      () =>
      ({ message: one }) =>
        one.partition ?? 0,
  });
  await producer.connect();
  const topic = topicName(queue);
  await producer.send({ topic, compression: CompressionTypes.GZIP, messages: [{ partition: 0, value: 'zipped' }] });
  expect(await texts(1)).toEqual(['zipped']);
  await producer.send({
    topic,
    compression: CompressionTypes.Snappy,
    messages: [{ partition: 0, value: 'unreadable' }],
  });
  // As it is: kafkajs itself knows gzip alone.
  CompressionCodecs[CompressionTypes.Snappy] = unknown;
  await producer.send({ topic, messages: [{ partition: 1, value: 'beside it' }] });
  await producer.disconnect();
  expect(await texts(1)).toEqual(['beside it']);
  expect(notices).toContainEqual({ kind: 'degraded', message: expect.stringContaining('gzip') });
});

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

/** Java's framing around one block of literals. */
function snappy(bytes: Buffer): Buffer {
  if (bytes.length > 127) throw new Error('more than one length byte');
  const block = Buffer.concat([Buffer.of(bytes.length, 60 << 2, bytes.length - 1), bytes]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(block.length);
  return Buffer.concat([HEADER, length, block]);
}

const HEADER = Buffer.concat([Buffer.of(0x82), Buffer.from('SNAPPY'), Buffer.of(0, 0, 0, 0, 1, 0, 0, 0, 1)]);

function message(text: string) {
  return { body: Buffer.from(text), event: 'x' };
}
