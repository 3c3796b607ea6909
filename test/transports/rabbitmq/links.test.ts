import { expect, test } from 'vitest';
import { acking, allReceived, consuming, message, one, opened, queueName, textOf, through, until } from './stage.js';

test('a link that swallows everything is noticed by its heartbeat and replaced; what it held comes again', async () => {
  const { url, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer, kinds } = await consuming(await opened(proxied, { heartbeatMs: 2000 }), queue);
  const publisher = await opened(url);
  await publisher.publish(queue, [message('held')]);
  const held = await one(consumer);
  proxy.blackhole();
  await publisher.publish(queue, [message('meanwhile')]);
  await until(() => expect(kinds()).toEqual(['lease_lost', 'disconnected']), 30_000);
  proxy.pass();
  const received = acking(consumer);
  await allReceived(['held', 'meanwhile'], received, 30_000);
  expect(kinds()).toEqual(['lease_lost', 'disconnected', 'reconnected']);
  // Too late, and without effect.
  await held.ack();
});

test('a publish into a link that swallows is sent again on the next one', async () => {
  const { url, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer } = await consuming(await opened(url), queue);
  const publisher = await opened(proxied, { heartbeatMs: 2000, timeoutMs: 40_000 });
  await publisher.publish(queue, [message('first')]);
  proxy.blackhole();
  const connections = proxy.connections;
  const publishing = publisher.publish(queue, [message('second')]);
  // Given up by its heartbeat, it is replaced.
  await until(() => expect(proxy.connections).toBeGreaterThan(connections), 30_000);
  proxy.pass();
  await publishing;
  await allReceived(['first', 'second'], acking(consumer), 30_000);
});

test('confirmed on the broker, the answer lost: it is sent again under the same id', async () => {
  const { url, proxy, proxied } = await through();
  const queue = queueName();
  const { consumer } = await consuming(await opened(url), queue);
  const publisher = await opened(proxied);
  await publisher.publish(queue, [message('before')]);
  const cut = proxy.cutAfter('cut me');
  await publisher.publish(queue, [message('cut me')]);
  await cut;
  const before = await one(consumer);
  const [first, second] = [await one(consumer), await one(consumer)];
  expect([before, first, second].map(textOf)).toEqual(['before', 'cut me', 'cut me']);
  expect(second.id).toBe(first.id);
});

test('closing over a link that swallows ends all the same', async () => {
  const { proxy, proxied } = await through();
  const queue = queueName();
  const transport = await opened(proxied, { heartbeatMs: 30_000 });
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('held')]);
  await one(consumer);
  proxy.blackhole();
  const from = performance.now();
  await transport.close();
  expect(performance.now() - from).toBeLessThan(15_000);
});
