import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KafkaSasl } from '../../../src/transports/kafka/kafka-options.js';
import { KafkaTransport } from '../../../src/transports/kafka/kafka-transport.js';
import { type KafkaNode, startKafka } from '../../brokers/kafka.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { certificate } from '../../brokers/redis-topologies.js';
import { message, queueName, textOf } from './stage.js';

const USER = { name: 'orders', password: 'p@ss:w/rd' };
let folder: string;
let broker: KafkaNode;
let ca: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'thrun-secure-'));
  const tls = await certificate(folder);
  ca = await readFile(tls.cert, 'utf8');
  broker = await startKafka({ tls, user: USER });
}, 60_000);

afterAll(async () => {
  await broker?.dispose();
  await rm(folder, { recursive: true, force: true });
});

test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)('over TLS, with %s', async (mechanism) => {
  const sasl = { mechanism, username: USER.name, password: USER.password };
  const transport = transportWith(sasl);
  await transport.open();
  const queue = queueName();
  const consumer = await transport.consume({
    queue,
    group: 'workers',
    visibilityMs: 30_000,
    onNotice: () => undefined,
  });
  await transport.publish(queue, [message('secret')]);
  const [delivery] = await consumer.next(1, { waitMs: 10_000 });
  expect(delivery && textOf(delivery)).toBe('secret');
  await delivery?.ack();
  await transport.close();
  // What the client makes of it stays with the client.
  expect(Object.keys(sasl)).toEqual(['mechanism', 'username', 'password']);
});

test('a wrong password is said as such, at once and without the password', async () => {
  const transport = transportWith({ mechanism: 'scram-sha-256', username: USER.name, password: 'hunter2' });
  const error: unknown = await transport.open().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: 'THRUN_TRANSPORT_REFUSED', message: expect.stringMatching(/sasl/i) });
  expect(String(error)).not.toContain('hunter2');
  await transport.close();
});

test('a certificate that nobody vouches for is refused', async () => {
  const transport = new KafkaTransport(kafkaOptions(broker.secureUrl, { ssl: true }));
  await expect(transport.open()).rejects.toMatchObject({ message: expect.stringMatching(/certificate/) });
  await transport.close();
});

function transportWith(sasl: KafkaSasl): KafkaTransport {
  return new KafkaTransport(kafkaOptions(broker.secureUrl, { ssl: { ca }, sasl }));
}
