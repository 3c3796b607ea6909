import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { certificate } from '../../brokers/certificate.js';
import { startCluster } from '../../brokers/rabbitmq.js';
import { acking, allReceived, consuming, message, node, ofAge, opened, queueName, until } from './stage.js';

test('three nodes, one is killed under load: nothing confirmed is lost, everybody goes on at another node', async () => {
  // RabbitMQ 4.3 would keep for a minute what was held through the node that is gone (docs/rabbitmq.md).
  const nodes = await startCluster(3, { advanced: '{rabbit, [{consumer_disconnected_timeout, 1000}]}' });
  onTestFinished(async () => void (await Promise.all(nodes.map((one) => one.dispose()))));
  const [first, ...others] = nodes;
  if (!first) throw new Error('no node');
  // The two that are left agree on new leaders within half a second; a publish that takes much longer fails the test.
  const more = { nodes: others.map(({ ports }) => `127.0.0.1:${ports.amqp}`), timeoutMs: 20_000 };
  const queue = queueName();
  const { consumer, kinds } = await consuming(await opened(first.url, more), queue);
  const received = acking(consumer);
  const publisher = await opened(first.url, more);
  await ofAge();
  // Of a queue that has not yet a member at each node, the death of one can be the end.
  await publisher.publish(queue, [message('first')]);
  await until(async () => {
    const lines = (await first.control('list_queues', 'name', 'online'))
      .split('\n')
      .filter((line) => line.includes('['));
    expect(lines.filter((line) => line.split('@localhost').length !== 4)).toEqual([]);
    expect(lines.length).toBeGreaterThan(0);
  }, 60_000);
  const texts = Array.from({ length: 2000 }, (_, i) => String(i));
  let next = 0;
  const publish = async () => {
    while (next < texts.length) await publisher.publish(queue, [message(texts[next++] ?? '')]);
  };
  const publishing = Promise.all(Array.from({ length: 10 }, publish));
  await until(() => expect(next).toBeGreaterThan(500), 60_000);
  await first.kill();
  await publishing;
  await allReceived(texts, received, 20_000);
  expect(kinds()).toContain('reconnected');
}, 180_000);

test('over TLS, with a password and in a vhost of its own', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const { cert, key } = await certificate(folder);
  const tls = { ca: cert, cert, key };
  const broker = await node({ tls });
  await broker.control('add_vhost', 'shop/eu');
  await broker.control('add_user', 'shop', 'p@ss/word');
  await broker.control('set_permissions', '-p', 'shop/eu', 'shop', '.*', '.*', '.*');
  const url = `amqps://shop:${encodeURIComponent('p@ss/word')}@127.0.0.1:${broker.ports.tls}/${encodeURIComponent('shop/eu')}`;
  const transport = await opened(url, { tls: { ca: await readFile(tls.ca) } });
  const queue = queueName();
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('secret')]);
  await allReceived(['secret'], acking(consumer), 10_000);
  expect(await broker.control('list_queues', '-p', 'shop/eu', 'name')).toContain(queue);
  await expect(opened(url)).rejects.toMatchObject({
    code: 'THRUN_TRANSPORT_UNAVAILABLE',
    message: expect.stringMatching(/certificate/) as string,
  });
  await expect(opened(url.replace('word', 'w0rd'), { tls: { ca: await readFile(tls.ca) } })).rejects.toMatchObject({
    message: expect.stringMatching(/Mend user and password/) as string,
  });
  await expect(opened(url.replace('eu', 'us'), { tls: { ca: await readFile(tls.ca) } })).rejects.toMatchObject({
    message: expect.stringMatching(/vhost/) as string,
  });
});
