import { CloudEvent, Kafka } from 'cloudevents';
import kafkajs from 'kafkajs';
import { expect, test } from 'vitest';
import { thrunFrom } from '../../../src/app.js';
import { resolveConfig } from '../../../src/config/resolve.js';
import { decode } from '../../../src/envelope/index.js';
import { KafkajsClient } from '../../../src/transports/kafka/client/kafkajs-client.js';
import { KafkaTransport } from '../../../src/transports/kafka/kafka-transport.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { sharedKafka } from '../../brokers/shared.js';

const LIMITS = { maxBytes: 1e6, maxDepth: 200, maxMetaBytes: 16384 };

test('what the CloudEvents SDK writes in binary mode is read, and kept through a retry', async () => {
  const { transport, queue, next } = await start();
  const event = new CloudEvent({ type: 'order_created', source: '/shop', id: 'e-1', data: { order_id: 1 } });
  const { headers } = Kafka.binary(event);
  const producer = new kafkajs.Kafka({ brokers: [await sharedKafka()], logLevel: kafkajs.logLevel.NOTHING }).producer({
    createPartitioner: () => () => 0,
  });
  await producer.connect();
  await producer.send({ topic: queue, messages: [{ value: JSON.stringify(event.data), headers: texts(headers) }] });
  await producer.disconnect();
  for (const attempt of [1, 2]) {
    const delivery = await next();
    expect(delivery.attempt).toBe(attempt);
    const envelope = decode(
      delivery.body,
      { transport: 'kafka', id: delivery.id, publishedAt: 0, receivedAt: 0 },
      LIMITS,
      delivery.cloudEvent,
    );
    expect(envelope).toMatchObject({
      event: 'order_created',
      payload: { order_id: 1 },
      meta: { event_id: 'e-1', source: '/shop' },
    });
    const { target, crashes } = delivery;
    await delivery.handOver([{ kind: 'postponed', target, delayMs: 0, attempts: attempt, crashes }]);
  }
  await transport.close();
});

test('what is written in binary mode is one that the CloudEvents SDK reads', async () => {
  const { transport, queue } = await start();
  const config = resolveConfig({ transport, queue, group: 'shop', logLevel: 'silent' }, { env: {} });
  const thrun = await thrunFrom(config);
  await thrun.event(
    'order_created',
    { order_id: 2 },
    { format: 'cloudevents-binary', key: 'k', meta: { correlation_id: 'c' } },
  );
  const client = new KafkajsClient(kafkaOptions(await sharedKafka()));
  const places = [0, 1].map((partition) => ({ topic: queue, partition }));
  const records = (await Promise.all(places.map((place) => client.read(place, 0)))).flatMap((one) => one.records);
  const [record] = records;
  const headers = Object.fromEntries(
    Object.entries(record?.headers ?? {}).map(([name, value]) => [name, value.toString()]),
  );
  const read = Kafka.toEvent({
    headers,
    key: 'k',
    value: record?.value?.toString(),
    body: record?.value?.toString(),
    timestamp: '',
  } as never);
  expect(read).toMatchObject({
    type: 'order_created',
    correlationid: 'c',
    partitionkey: 'k',
    datacontenttype: 'application/json',
  });
  expect(record?.key?.toString()).toBe('k');
  expect(JSON.parse(String(record?.value))).toEqual({ order_id: 2 });
  await client.close();
  await thrun.close();
});

/** Times are still times there. */
function texts(headers: object): Record<string, string> {
  const known = Object.entries(headers as Record<string, unknown>).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known.map(([name, value]) => [name, String(value)]));
}

async function start() {
  const transport = new KafkaTransport(kafkaOptions(await sharedKafka()));
  await transport.open();
  const queue = `cloudevents-${crypto.randomUUID()}`;
  const consumer = await transport.consume({
    queue,
    group: 'workers',
    visibilityMs: 30_000,
    onNotice: () => undefined,
  });
  const next = async () => {
    const [delivery] = await consumer.next(1, { waitMs: 10_000 });
    if (!delivery) throw new Error('nothing came');
    return delivery;
  };
  return { transport, queue, next };
}
