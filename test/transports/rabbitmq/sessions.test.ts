import { connect } from 'amqplib';
import { expect, onTestFinished, test } from 'vitest';
import type { Consumer, Delivery } from '../../../src/contracts/index.js';
import { groupNames, inboxName } from '../../../src/transports/rabbitmq/rabbitmq-names.js';
import { sharedRabbitmq } from '../../brokers/shared.js';
import { consuming, message, one, opened, queueName, textOf, until } from './stage.js';

/** The broker as any other program sees it. */
async function raw(url: string) {
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  return connection.createChannel();
}

/** As a quick worker asks: at once again, and for more than it holds. */
async function quickly(consumer: Consumer, count: number): Promise<Delivery[]> {
  const received: Delivery[] = [];
  while (received.length < count) received.push(...(await consumer.next(400, { waitMs: 5000 })));
  return received;
}

test('side by side on one queue: a group that is refused does not take the other along', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  await (await raw(url)).assertQueue(groupNames(queue, 'refused').dead, { durable: true });
  const transport = await opened(url);
  const [refused, other] = await Promise.allSettled([
    consuming(transport, queue, 'refused'),
    consuming(transport, queue, 'other'),
  ]);
  expect(refused).toMatchObject({ status: 'rejected', reason: { code: 'THRUN_TRANSPORT_REFUSED' } });
  if (other.status === 'rejected') throw other.reason;
  await transport.publish(queue, [message('one')]);
  expect(textOf(await one(other.value.consumer))).toBe('one');
});

test('a group is registered last: one that cannot consume gets nothing either', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const channel = await raw(url);
  await channel.assertQueue(inboxName(queue), { durable: true });
  const transport = await opened(url);
  await expect(consuming(transport, queue)).rejects.toMatchObject({
    code: 'THRUN_TRANSPORT_REFUSED',
    message: expect.stringContaining(`for queue '${inboxName(queue)}'`) as string,
  });
  await channel.assertExchange(queue, 'topic', { durable: true });
  channel.publish(queue, 'tested', Buffer.from('to nobody'));
  await channel.deleteQueue(inboxName(queue));
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('to the group')]);
  expect(textOf(await one(consumer))).toBe('to the group');
});

test('a quick worker is pushed more by the queue that brings something, and by that alone', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer } = await consuming(transport, queue);
  const { main, again } = groupNames(queue, 'workers');
  const channel = await raw(url);
  const widenings = async (name: string) => (await channel.checkQueue(name)).consumerCount;
  const texts = Array.from({ length: 1500 }, (_, n) => String(n));
  await transport.publish(
    queue,
    texts.map((text) => message(text)),
  );
  const held = await quickly(consumer, texts.length);
  expect(await widenings(main)).toBeGreaterThan(1);
  expect(await widenings(again)).toBe(1);

  // Retries of all of them: now it is the other one.
  for (const { attempt } of held) expect(attempt).toBe(1);
  const retried = held.map((delivery) =>
    delivery.handOver([{ kind: 'postponed', target: 'it', delayMs: 0, attempts: 1, crashes: 0 }]),
  );
  const before = await widenings(main);
  const [second] = await Promise.all([quickly(consumer, texts.length), ...retried]);
  await until(async () => expect(await widenings(again)).toBeGreaterThan(1));
  // Once more at the most, for what came last of it.
  expect(await widenings(main)).toBeLessThanOrEqual(before + 1);
  expect(second.map(textOf).sort()).toEqual([...texts].sort());
  expect([...new Set(second.map(({ attempt }) => attempt))]).toEqual([2]);
  await Promise.all(second.map((delivery) => delivery.ack()));
});

test('who asks for little whenever one of many is done asks often, and is pushed little more for it', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const { consumer } = await consuming(transport, queue);
  const texts = Array.from({ length: 200 }, (_, n) => String(n));
  await transport.publish(
    queue,
    texts.map((text) => message(text)),
  );
  const held: Delivery[] = [];
  while (held.length < 20) held.push(...(await consumer.next(20 - held.length, { waitMs: 5000 })));
  let done = 0;
  for (let looks = 0; looks < 20; looks++) {
    for (; held.length >= 20; done++) void held.shift()?.ack();
    held.push(...(await consumer.next(2, { waitMs: 5000 })));
  }
  const channel = await raw(url);
  await until(async () => {
    const { messageCount } = await channel.checkQueue(groupNames(queue, 'workers').main);
    expect(texts.length - messageCount - done).toBeLessThanOrEqual(30);
  }, 5000);
  await Promise.all(held.map((delivery) => delivery.ack()));
});

test('a worker that closes beside a publisher loses nothing, and repeats nothing that was acknowledged', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const transport = await opened(url);
  const seen = new Map<string, number>();
  let published = 0;
  let isOver = false;
  const publishing = (async () => {
    await (await consuming(transport, queue)).consumer.close();
    while (!isOver) await transport.publish(queue, [message(String(published++)), message(String(published++))]);
  })();
  const take = (deliveries: readonly Delivery[]) => {
    for (const delivery of deliveries) {
      seen.set(textOf(delivery), (seen.get(textOf(delivery)) ?? 0) + 1);
      void delivery.ack();
    }
  };
  for (let round = 0; round < 20; round++) {
    const { consumer } = await consuming(transport, queue);
    for (let looks = 0; looks < 3; looks++) take(await consumer.next(20, { waitMs: 5000 }));
    await consumer.close();
  }
  isOver = true;
  await publishing;
  const { consumer } = await consuming(transport, queue);
  while (seen.size < published) take(await consumer.next(100, { waitMs: 5000 }));
  expect([...seen.values()].filter((times) => times > 1)).toEqual([]);
});
