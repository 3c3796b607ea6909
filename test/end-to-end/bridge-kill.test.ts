import { Redis } from 'ioredis';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startRedis } from '../brokers/redis.js';
import { Project } from './project.js';

/** So many that no kill comes too late: twelve lots. */
const EVENTS = 6000;
const KILLS = 5;

test('a bridge that is killed again and again moves every event, and changes none', { timeout: 120_000 }, async () => {
  const redis = await startRedis();
  onTestFinished(() => redis.dispose());
  const client = new Redis(redis.url);
  onTestFinished(() => client.disconnect());
  const config = { transports: { redis: { url: redis.url } }, worker: { visibilityTimeout: '1s' } };
  const project = new Project('', JSON.stringify(config));
  onTestFinished(() => project.dispose());
  const sent = await publish(project);

  for (let kill = 1; kill <= KILLS; kill++) {
    const before = await client.llen('events');
    const bridge = project.start('bridge', '--from', 'sqlite', '--to', 'redis-list');
    await vi.waitFor(async () => expect(await client.llen('events')).toBeGreaterThan(before), {
      timeout: 20_000,
      interval: 5,
    });
    bridge.kill('SIGKILL');
    await bridge.ended;
  }
  const bridge = project.start('bridge', '--from', 'sqlite', '--to', 'redis-list');
  const arrived = async () => new Set(await client.lrange('events', 0, -1));
  await vi.waitFor(async () => expect((await arrived()).size).toBe(EVENTS), { timeout: 60_000, interval: 200 });
  bridge.kill('SIGTERM');
  expect((await bridge.ended).code).toBe(0);
  expect([...(await arrived())].sort()).toEqual([...sent].sort());
});

/** As the bytes they are. */
async function publish(project: Project): Promise<readonly string[]> {
  const thrun = await project.publisher();
  const transport = await thrun.transport();
  const bodies = Array.from(
    { length: EVENTS },
    (_, i) => `{ "event":"e", "payload":{"n":${i},"big":12345678901234567890} }`,
  );
  for (let at = 0; at < EVENTS; at += 1000) {
    const messages = bodies.slice(at, at + 1000).map((body) => ({ body: Buffer.from(body), event: 'e' }));
    await transport.publish('events', messages);
  }
  return bodies;
}
