import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { Connections } from '../../../src/transports/kafka/client/kafkajs-connections.js';
import { fetchFrom } from '../../../src/transports/kafka/client/kafkajs-fetch.js';
import { KafkajsClient } from '../../../src/transports/kafka/client/kafkajs-client.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { freePort } from '../../brokers/ports.js';
import { TcpProxy } from '../../brokers/tcp-proxy.js';
import { commitsOf } from './commits.js';
import { acking, allReceived, consuming, message, node, one, opened, queueName, textOf, until } from './stage.js';

/** A broker that sends its clients through a link that can be damaged; `direct` is the way around it. */
async function through() {
  const port = await freePort();
  const broker = await node({ advertised: port });
  const proxy = await TcpProxy.to(broker.ports.behind, port);
  onTestFinished(() => proxy.close());
  return { proxy, proxied: broker.url, direct: `127.0.0.1:${broker.ports.plain}` };
}

test('a link that swallows everything, for longer than the session: another takes over; it is noticed, and replaced', async () => {
  const { direct, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer, kinds } = await consuming(await opened(proxied), queue, 'workers', 3000);
  const other = await opened(direct);
  await other.publish(queue, [message('held')]);
  const held = await one(consumer);
  proxy.blackhole();
  await other.publish(queue, [message('meanwhile')]);
  const received = acking((await consuming(other, queue, 'workers', 3000)).consumer);
  await allReceived(['held', 'meanwhile'], received, 20_000);
  await until(() => expect(kinds()).toContain('disconnected'), 20_000);
  proxy.pass();
  acking(consumer);
  await until(() => expect(kinds()).toEqual(expect.arrayContaining(['reconnected', 'lease_lost'])), 20_000);
  // Too late, and without effect.
  await held.ack();
  expect(received).toHaveLength(2);
  const { count, backwards } = await commitsOf([direct], queue);
  expect(count).toBeGreaterThan(0);
  expect(backwards).toEqual([]);
}, 90_000);

test('a publish into a link that swallows is sent again on the next one', async () => {
  const { direct, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer } = await consuming(await opened(direct), queue);
  const publisher = await opened(proxied, { timeoutMs: 40_000 });
  await publisher.publish(queue, [message('first')]);
  proxy.blackhole();
  const connections = proxy.connections;
  const publishing = publisher.publish(queue, [message('second')]);
  await until(() => expect(proxy.connections).toBeGreaterThan(connections), 60_000);
  proxy.pass();
  await publishing;
  await allReceived(['first', 'second'], acking(consumer), 10_000);
}, 90_000);

test('confirmed on the broker, the answer lost: it is sent again, and is there once', async () => {
  const { direct, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer } = await consuming(await opened(direct), queue);
  const publisher = await opened(proxied);
  // In one partition, so that nothing of it comes later than the last.
  const publish = (text: string) => publisher.publish(queue, [message(text, { key: 'one' })]);
  await publish('before');
  const cut = proxy.cutAfter('cut me');
  await publish('cut me');
  await cut;
  await publish('after');
  const received = acking(consumer);
  await allReceived(['after'], received, 10_000);
  expect(received).toEqual(['before', 'cut me', 'after']);
}, 60_000);

test('an answer that breaks off is forgotten with its connection: the next one is read from its beginning', async () => {
  const { proxy, proxied } = await through();
  const client = new KafkajsClient(kafkaOptions(proxied));
  onTestFinished(() => client.close());
  await client.open();
  for (let i = 0; i < 20; i++) {
    proxy.tear();
    await expect(client.cluster()).rejects.toThrow(/connection/i);
    expect(await client.cluster()).toMatchObject({ brokers: 1 });
  }
});

test('whoever asks at once makes one connection', async () => {
  const { proxy, proxied } = await through();
  const cluster = new Connections(kafkaOptions(proxied)).cluster();
  onTestFinished(() => cluster.disconnect());
  await cluster.connect();
  const broker = await cluster.brokerPool.findConnectedBroker();
  const before = proxy.connections;
  // Records have a connection of their own, which is not there yet.
  await Promise.all(Array.from({ length: 20 }, () => fetchFrom(broker, [], 0)));
  expect(proxy.connections - before).toBe(1);
});

test('however many let go of a connection that has broken, nothing is warned of', async () => {
  const warnings: string[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning.message);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const connections = new Connections(kafkaOptions((await node()).url));
  const cluster = connections.cluster();
  await cluster.connect();
  connections.sockets.close();
  await Promise.all(Array.from({ length: 15 }, () => cluster.disconnect()));
  await new Promise((resolve) => setImmediate(resolve));
  expect(warnings).toEqual([]);
});

test('what answers and is no broker is an error', async () => {
  const server = createServer((socket) => socket.on('error', () => undefined).write('\0\0\0\x02ab'));
  onTestFinished(() => void server.close());
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const client = new KafkajsClient(kafkaOptions(`127.0.0.1:${(server.address() as AddressInfo).port}`));
  await expect(client.open()).rejects.toThrow('no broker of Kafka');
  await client.close();
});

test('closing over a link that swallows ends all the same', async () => {
  const { proxy, proxied } = await through();
  const queue = queueName();
  const transport = await opened(proxied);
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('held')]);
  expect(textOf(await one(consumer))).toBe('held');
  proxy.blackhole();
  const from = performance.now();
  await transport.close();
  expect(performance.now() - from).toBeLessThan(8000);
}, 60_000);
