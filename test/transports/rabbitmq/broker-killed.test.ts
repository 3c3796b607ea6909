import { expect, onTestFinished, test } from 'vitest';
import { ThrunError } from '../../../src/contracts/errors.js';
import { RabbitmqTransport } from '../../../src/transports/rabbitmq/rabbitmq-transport.js';
import { optionsFor } from '../../brokers/rabbitmq-subject.js';
import {
  acking,
  allReceived,
  consuming,
  message,
  node,
  one,
  ofAge,
  opened,
  queueName,
  textOf,
  until,
} from './stage.js';

const EVENTS = 6000;
const PUBLISHERS = 20;

test('killed at one third and restarted at two thirds, under load: nothing confirmed is lost, the worker goes on by itself', async () => {
  const broker = await node();
  const queue = queueName();
  const { consumer, kinds } = await consuming(await opened(broker.url, { timeoutMs: 30_000 }), queue);
  const received = acking(consumer);
  const publisher = await opened(broker.url, { timeoutMs: 30_000 });
  await ofAge();
  const confirmed = new Set<string>();
  let next = 0;
  const publish = async () => {
    while (next < EVENTS) {
      const text = String(next++);
      await publisher.publish(queue, [message(text)]).then(
        () => confirmed.add(text),
        () => undefined,
      );
    }
  };
  const publishing = Promise.all(Array.from({ length: PUBLISHERS }, publish));
  const faults: [number, () => Promise<void>][] = [
    [EVENTS / 3, () => broker.kill()],
    [(EVENTS * 2) / 3, () => broker.stop()],
  ];
  for (const [at, end] of faults) {
    await until(() => expect(next).toBeGreaterThan(at), 60_000);
    await end();
    await broker.start();
    const before = received.length;
    await until(() => expect(received.length).toBeGreaterThan(before), 60_000);
  }
  await publishing;
  expect(confirmed.size).toBe(EVENTS);
  await allReceived(confirmed, received, 60_000);
  expect(kinds().filter((kind) => kind === 'disconnected').length).toBe(2);
  expect(kinds().filter((kind) => kind === 'reconnected').length).toBe(2);
  // Sent again under the same id: twice at the most what was on its way at a fault.
  expect(received.length - EVENTS).toBeLessThan(1500);
}, 300_000);

test('what waits for its time, and what is dead, outlives the broker', async () => {
  const broker = await node();
  const queue = queueName();
  const first = await opened(broker.url);
  const { consumer } = await consuming(first, queue);
  const delayMs = 4500;
  const scatter = async () => {
    const deliverAt = Date.now() + delayMs;
    await first.publish(queue, [message('later', { deliverAt }), message('dies')]);
    const dying = await one(consumer);
    await dying.handOver([
      { kind: 'dead', target: 'a', reason: 'gave_up', error: 'no', attempts: 1, event: 'tested', eventId: undefined },
      { kind: 'postponed', target: 'b', delayMs, attempts: 1, crashes: 0 },
    ]);
    return deliverAt;
  };
  const collect = async () => {
    const both = [await one(consumer), await one(consumer)];
    await Promise.all(both.map((delivery) => delivery.ack()));
    return both.map((delivery) => `${textOf(delivery)} ${delivery.target}`).sort();
  };
  const expected = ['dies b', 'later undefined'];
  // Once before, for the queues.
  await scatter();
  expect(await collect()).toEqual(expected);
  await ofAge();
  const deliverAt = await scatter();
  await broker.kill();
  await broker.start();
  expect(await collect()).toEqual(expected);
  expect(Date.now()).toBeGreaterThanOrEqual(deliverAt);
  const letters = await first.deadLetters.list({ queue }, 10);
  expect(letters.map(({ body, target }) => [String(body), target])).toEqual([
    ['dies', 'a'],
    ['dies', 'a'],
  ]);
});

test('absent at the start it is named, without the password; once it is there the next attempt succeeds', async () => {
  const broker = await node();
  await broker.stop();
  const url = broker.url.replace('//', '//guest:guest@');
  const transport = new RabbitmqTransport(optionsFor(url));
  onTestFinished(() => transport.close());
  const error = await transport.open().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ThrunError);
  expect(error).toMatchObject({ code: 'THRUN_TRANSPORT_UNAVAILABLE' });
  expect(String(error)).toContain(`127.0.0.1:${broker.ports.amqp}`);
  expect(String(error)).not.toContain('guest');
  await broker.start();
  await transport.open();
  await transport.publish(queueName(), [message('x')]);
});

test('a stopped publisher does not wait for ever: whether it was published is not known', async () => {
  const broker = await node();
  const transport = await opened(broker.url, { timeoutMs: 3000 });
  const queue = queueName();
  await transport.publish(queue, [message('first')]);
  await broker.kill();
  await expect(transport.publish(queue, [message('second')])).rejects.toMatchObject({ code: 'THRUN_PUBLISH_UNKNOWN' });
  await broker.start();
  // Another queue: one that RabbitMQ made just before a kill may never confirm again.
  await until(() => transport.publish(queueName(), [message('third')]), 20_000);
});
