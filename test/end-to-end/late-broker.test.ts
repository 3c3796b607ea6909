import { afterEach, expect, test } from 'vitest';
import { type RedisServer, startRedis } from '../brokers/redis.js';
import { Project } from './project.js';

let project: Project;
let redis: RedisServer;
afterEach(async () => {
  await project.dispose();
  await redis.dispose();
});

async function withoutItsBroker(): Promise<void> {
  redis = await startRedis();
  const broker = { transport: 'redis-list', transports: { redis: { url: redis.url } } } as const;
  const listener = `@ThrunEventListener('late') export class Late { handle(_: unknown, context: EventContext) { ledger(context); } }`;
  project = new Project(listener, JSON.stringify({ group: 'e2e', ...broker }), { broker });
  await redis.stop();
}

test('a broker that is away at the start is waited for, and consumed once it is there', async () => {
  await withoutItsBroker();
  const worker = project.start('work');
  await worker.says('ECONNREFUSED');
  await redis.start();
  const thrun = await project.publisher();
  await thrun.event('late');
  await project.until('it is handled', (handled) => handled.length === 1);
  worker.kill('SIGTERM');
  expect((await worker.exit).code).toBe(0);
});

test('a run that ends by itself does not wait for it: it fails, and says where it looked', async () => {
  await withoutItsBroker();
  const { status, stderr } = project.run('work', '--stop-when-empty');
  expect(status).toBe(1);
  expect(stderr).toContain('error: The transport redis-list cannot be reached: redis://127.0.0.1:');
});
