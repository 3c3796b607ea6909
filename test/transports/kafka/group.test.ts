import { afterEach, expect, test } from 'vitest';
import type { Delivery } from '../../../src/contracts/delivery.js';
import type { Consumer, TransportNotice } from '../../../src/contracts/transport.js';
import { KafkajsClient } from '../../../src/transports/kafka/client/kafkajs-client.js';
import { groupId, topicName } from '../../../src/transports/kafka/kafka-names.js';
import { KafkaTransport } from '../../../src/transports/kafka/kafka-transport.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { sharedKafka } from '../../brokers/shared.js';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

test('of one key one event runs at a time, in order; other keys go on beside it', async () => {
  const { consumer, transport, queue } = await start();
  const keys = ['a', 'b', 'c'];
  const messages = Array.from({ length: 30 }, (_, i) => message(`${keys[i % 3]} ${i}`, keys[i % 3]));
  await transport.publish(queue, messages);
  const running = new Map<string, string>();
  const seen: string[] = [];
  while (seen.length < messages.length) {
    const batch = await consumer.next(10, { waitMs: 5000 });
    for (const delivery of batch) {
      const [key = ''] = textOf(delivery).split(' ');
      expect(running.get(key), `${textOf(delivery)} came while another of its key ran`).toBeUndefined();
      running.set(key, textOf(delivery));
      seen.push(textOf(delivery));
    }
    for (const delivery of batch) {
      running.delete(textOf(delivery).split(' ')[0] ?? '');
      void delivery.ack();
    }
  }
  for (const key of keys) {
    const mine = seen.filter((text) => text.startsWith(key)).map((text) => Number(text.split(' ')[1]));
    expect(mine).toEqual([...mine].sort((a, b) => a - b));
  }
});

test('more runs at once than there are partitions, and a slow one holds up no other', async () => {
  const { consumer, transport, queue } = await start();
  await transport.publish(
    queue,
    Array.from({ length: 101 }, (_, i) => message(String(i))),
  );
  const held: Delivery[] = [];
  while (held.length < 60) held.push(...(await consumer.next(60 - held.length, { waitMs: 5000 })));
  const [slow, ...others] = held;
  await Promise.all(others.map((delivery) => delivery.ack()));
  const rest: Delivery[] = [];
  while (rest.length < 41) rest.push(...(await consumer.next(50, { waitMs: 5000 })));
  await Promise.all(rest.map((delivery) => delivery.ack()));
  await slow?.ack();
  await consumer.flush();
  const client = await clientOf();
  const committed = await client.committed(groupId(queue, 'workers'), [topicName(queue)]);
  const total = [...committed.values()].reduce((sum, { offset }) => sum + offset, 0);
  expect(total, 'all is settled, and nothing is said beside').toBe(101);
});

test('members that come and go all the time lose nothing, and offsets never move backwards', async () => {
  // Longer than any of them stands still: who leaves says so, and is not waited for.
  const { transport, queue } = await start({ visibilityMs: 10_000 });
  const client = await clientOf();
  const seen = new Map<string, number>();
  const stop = new AbortController();
  const members = Array.from({ length: 3 }, async (_, i) => {
    while (!stop.signal.aborted) {
      const own = await opened();
      const consumer = await consume(own, queue);
      const until = performance.now() + 400 + 150 * i;
      while (performance.now() < until && !stop.signal.aborted) {
        for (const delivery of await consumer.next(20, { waitMs: 50 })) {
          seen.set(textOf(delivery), (seen.get(textOf(delivery)) ?? 0) + 1);
          void delivery.ack();
        }
      }
      await own.close();
    }
  });
  const offsets = new Map<string, number>();
  let published = 0;
  const backwards: string[] = [];
  while (published < 2000) {
    const next = Array.from({ length: 100 }, () => message(String(published++)));
    await transport.publish(queue, next);
    for (const [key, { offset }] of await client.committed(groupId(queue, 'workers'), [topicName(queue)])) {
      if (offset < (offsets.get(key) ?? 0)) backwards.push(`${key}: ${offsets.get(key)} → ${offset}`);
      offsets.set(key, offset);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await expect.poll(() => seen.size, { timeout: 40_000 }).toBe(2000);
  stop.abort();
  await Promise.all(members);
  expect(backwards).toEqual([]);
  const twice = [...seen.values()].filter((times) => times > 1).length;
  expect(twice, 'they left in peace, so nothing comes twice').toBe(0);
});

test('what retention deleted before it was received is told, and the group goes on behind it', async () => {
  const { transport, queue } = await start();
  const client = await clientOf();
  await transport.publish(
    queue,
    Array.from({ length: 50 }, (_, i) => message(String(i), 'k')),
  );
  const places = [0, 1].map((partition) => ({ topic: topicName(queue), partition }));
  const ends = await client.offsets(places, 'latest');
  for (const [i, place] of places.entries())
    if ((ends[i] ?? 0) > 0) await client.deleteBefore(place, (ends[i] ?? 0) - 10);
  const notices: TransportNotice[] = [];
  const consumer = await consume(await opened(), queue, notices);
  const seen: string[] = [];
  while (seen.length < 10) {
    for (const delivery of await consumer.next(50, { waitMs: 5000 })) {
      seen.push(textOf(delivery));
      await delivery.ack();
    }
  }
  expect(seen).toEqual(Array.from({ length: 10 }, (_, i) => String(40 + i)));
  expect(notices).toEqual([
    { kind: 'degraded', message: expect.stringMatching(/^40 messages of .* were deleted before/) },
  ]);
});

async function start({ visibilityMs = 30_000 } = {}) {
  const transport = await opened();
  const queue = `group-${crypto.randomUUID()}`;
  const consumer = await consume(transport, queue, [], visibilityMs);
  return { transport, queue, consumer };
}

async function opened(): Promise<KafkaTransport> {
  const transport = new KafkaTransport(kafkaOptions(await sharedKafka()));
  open.push(transport);
  await transport.open();
  return transport;
}

async function clientOf(): Promise<KafkajsClient> {
  const client = new KafkajsClient(kafkaOptions(await sharedKafka()));
  open.push(client);
  await client.open();
  return client;
}

function consume(
  transport: KafkaTransport,
  queue: string,
  notices: TransportNotice[] = [],
  visibilityMs = 30_000,
): Promise<Consumer> {
  return transport.consume({ queue, group: 'workers', visibilityMs, onNotice: (notice) => notices.push(notice) });
}

function message(text: string, key?: string) {
  return { body: Buffer.from(text), event: 'x', key };
}

function textOf({ body }: Delivery): string {
  return Buffer.from(body).toString();
}
