import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { Transport } from '../../src/contracts/transport.js';
import { startRedis } from '../brokers/redis.js';
import { Project } from './project.js';

/** Two lots before each start: there is one to move, however late the kills before it came. */
const EVENTS = 1000;
const KILLS = 5;

test('a bridge that is killed again and again moves every event, and changes none', async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.dispose());
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  const config = { transports: { redis: { url: redis.url } }, worker: { visibilityTimeout: '1s' } };
  const project = new Project('', JSON.stringify(config));
  onTestFinished(() => project.dispose());
  const transport = await (await project.publisher()).transport();
  const sent: string[] = [];

  for (let kill = 1; kill <= KILLS; kill++) {
    sent.push(...(await publish(transport, sent.length)));
    const before = await client.llen('events');
    const bridge = project.start('bridge', '--from', 'sqlite', '--to', 'redis-list');
    await vi.waitFor(async () => expect(await client.llen('events')).toBeGreaterThan(before), {
      timeout: 20_000,
      interval: 5,
    });
    bridge.kill('SIGKILL');
    await bridge.ended;
  }
  sent.push(...(await publish(transport, sent.length)));
  const bridge = project.start('bridge', '--from', 'sqlite', '--to', 'redis-list');
  const arrived = async () => new Set(await client.lrange('events', 0, -1));
  await vi.waitFor(async () => expect((await arrived()).size).toBe(sent.length), { timeout: 60_000, interval: 200 });
  bridge.kill('SIGTERM');
  expect((await bridge.ended).code).toBe(0);
  expect([...(await arrived())].sort()).toEqual([...sent].sort());
});

/** As the bytes they are, numbered from `first`. */
async function publish(transport: Transport, first: number): Promise<readonly string[]> {
  const bodies = Array.from(
    { length: EVENTS },
    (_, i) => `{ "event":"e", "payload":{"n":${first + i},"big":12345678901234567890} }`,
  );
  await transport.publish(
    'events',
    bodies.map((body) => ({ body: Buffer.from(body), event: 'e' })),
  );
  return bodies;
}
