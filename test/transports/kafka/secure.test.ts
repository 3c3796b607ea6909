import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { certificate } from '../../brokers/certificate.js';
import type { KafkaOptions } from '../../../src/transports/kafka/kafka-options.js';
import { acking, allReceived, consuming, message, node, opened, queueName } from './stage.js';

const USER = { name: 'shop', password: 'p@ss-word' };
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

async function files() {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-tls-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const tls = await certificate(folder);
  return { tls, ca: await readFile(tls.cert) };
}

async function carries(url: string, options: Partial<KafkaOptions>): Promise<void> {
  const transport = await opened(url, options);
  const queue = queueName();
  const { consumer } = await consuming(transport, queue);
  await transport.publish(queue, [message('secret')]);
  await allReceived(['secret'], acking(consumer), 10_000);
}

test('over TLS; a certificate that nobody vouches for is refused', async () => {
  const { tls, ca } = await files();
  const { secureUrl } = await node({ tls });
  await carries(secureUrl, { ssl: { ca } });
  await expect(opened(secureUrl, { ssl: true })).rejects.toMatchObject({
    code: 'THRUN_TRANSPORT_UNAVAILABLE',
    message: expect.stringMatching(/certificate/) as string,
  });
});

test('over TLS with PLAIN and SCRAM; a wrong password is told, and not shown', async () => {
  const { tls, ca } = await files();
  const { secureUrl } = await node({ tls, user: USER });
  for (const mechanism of MECHANISMS) {
    const sasl = { mechanism, username: USER.name, password: USER.password };
    await carries(secureUrl, { ssl: { ca }, sasl });
    const wrong = opened(secureUrl, { ssl: { ca }, sasl: { ...sasl, password: 'secr3t' } });
    const error = await wrong.then(() => `${mechanism} lets anybody in`, String);
    expect(error).toMatch(/authentication failed.*Mend transports\.kafka\.sasl/is);
    expect(error).not.toContain('secr3t');
  }
});

test('with SCRAM and without TLS', async () => {
  const { secureUrl } = await node({ user: USER });
  await carries(secureUrl, {
    sasl: { mechanism: 'scram-sha-256', username: USER.name, password: USER.password },
  });
});
