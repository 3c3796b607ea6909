import { expect, onTestFinished, test } from 'vitest';
import { freePort } from '../../brokers/guarded.js';
import { TcpProxy } from '../../brokers/tcp-proxy.js';
import { acking, allReceived, consuming, message, node, one, opened, queueName, textOf, until } from './stage.js';

/** A broker that sends its clients through a link that can be damaged; `direct` is the way around it. */
async function through() {
  const port = await freePort();
  const broker = await node({ advertised: port });
  const proxy = await TcpProxy.to(broker.ports.behind, port);
  onTestFinished(() => proxy.close());
  return { proxy, proxied: broker.url, direct: `127.0.0.1:${broker.ports.plain}` };
}

test('a link that swallows everything is noticed and replaced; what it held comes again', async () => {
  const { direct, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer, kinds } = await consuming(await opened(proxied), queue);
  const publisher = await opened(direct);
  await publisher.publish(queue, [message('held')]);
  const held = await one(consumer);
  proxy.blackhole();
  await publisher.publish(queue, [message('meanwhile')]);
  await until(() => expect(kinds()).toContain('disconnected'), 40_000);
  proxy.pass();
  await allReceived(['held', 'meanwhile'], acking(consumer), 30_000);
  expect(kinds()).toContain('reconnected');
  // Too late, and without effect.
  await held.ack();
}, 90_000);

test('a publish into a link that swallows is sent again on the next one', async () => {
  const { direct, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer } = await consuming(await opened(direct), queue);
  const publisher = await opened(proxied);
  await publisher.publish(queue, [message('first')]);
  proxy.blackhole();
  const connections = proxy.connections;
  const publishing = publisher.publish(queue, [message('second')]);
  await until(() => expect(proxy.connections).toBeGreaterThan(connections), 60_000);
  proxy.pass();
  await publishing;
  await allReceived(['first', 'second'], acking(consumer), 10_000);
}, 90_000);

test('confirmed on the broker, the answer lost: it is sent again under the same id', async () => {
  const { direct, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer } = await consuming(await opened(direct), queue);
  const publisher = await opened(proxied);
  await publisher.publish(queue, [message('before')]);
  const cut = proxy.cutAfter('cut me');
  await publisher.publish(queue, [message('cut me')]);
  await cut;
  const received = [await one(consumer), await one(consumer)].map(textOf);
  expect(received).toContain('cut me');
}, 60_000);

test('closing over a link that swallows ends all the same', async () => {
  const { proxy, proxied } = await through();
  const queue = queueName();
  const transport = await opened(proxied);
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('held')]);
  await one(consumer);
  proxy.blackhole();
  const from = performance.now();
  await transport.close();
  expect(performance.now() - from).toBeLessThan(15_000);
}, 60_000);
