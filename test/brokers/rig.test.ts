import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { Redis } from 'ioredis';
import { Kafka, logLevel, Partitioners } from 'kafkajs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startKafka } from './kafka.js';
import { startRedis } from './redis.js';
import { TcpProxy } from './tcp-proxy.js';

// What the other tests build on: a broker that keeps its data, leaves nothing behind, and links that break as they are told.

async function server() {
  const redis = await startRedis({ appendfsync: 'always' });
  onTestFinished(() => redis.dispose());
  return redis;
}

function client(port: number, options: object = {}): Redis {
  const redis = new Redis(port, '127.0.0.1', options);
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
}

test('a killed server starts again where it was, with what it had', async () => {
  const redis = await server();
  await client(redis.port).set('key', 'value');
  await redis.kill();
  await redis.start();
  expect(await client(redis.port).get('key')).toBe('value');
});

test('a killed Kafka starts again where it was, with what it had', async () => {
  const node = await startKafka();
  onTestFinished(() => node.dispose());
  const kafka = new Kafka({ brokers: [node.url], logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  onTestFinished(async () => {
    await producer.disconnect();
    await admin.disconnect();
  });
  await admin.createTopics({ topics: [{ topic: 'events', numPartitions: 1 }], waitForLeaders: true });
  await producer.connect();
  await producer.send({ topic: 'events', acks: -1, messages: [{ value: 'kept' }] });
  await node.kill();
  await node.start();
  expect(await admin.fetchTopicOffsets('events')).toMatchObject([{ partition: 0, high: '1' }]);
});

test('a server and its folder are gone when the process that started it is killed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-rig-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const script = join(folder, 'start.mjs');
  const code = `import { startKafka } from './kafka.js';
import { startRedis } from './redis.js';
    const { pid, folder } = await startRedis();
    console.log(JSON.stringify({ pid, folder }));`;
  const stdin = { contents: code, resolveDir: import.meta.dirname, loader: 'ts' } as const;
  await build({ stdin, outfile: script, bundle: true, platform: 'node', format: 'esm' });
  const starter = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(starter.stdout, 'data')) as [Buffer];
  const started = JSON.parse(String(line)) as { pid: number; folder: string };
  expect([isAlive(started.pid), existsSync(started.folder)]).toEqual([true, true]);
  starter.kill('SIGKILL');
  await vi.waitFor(() => expect([isAlive(started.pid), existsSync(started.folder)]).toEqual([false, false]), 20_000);
});

test('a cut reply: the server has done it, the client does not know', async () => {
  const redis = await server();
  const proxy = await TcpProxy.to(redis.port);
  onTestFinished(() => proxy.close());
  const through = client(proxy.port, { maxRetriesPerRequest: 0 });
  await through.ping();
  const cut = proxy.cutAfter('cut me');
  const unknown = through.rpush('list', 'cut me').catch((error: Error) => error.name);
  await cut;
  expect(await unknown).toBe('MaxRetriesPerRequestError');
  expect(await client(redis.port).lrange('list', 0, -1)).toEqual(['cut me']);
  expect(await client(proxy.port).ping(), 'from then on everything passes').toBe('PONG');
});

test('a black hole swallows both ways, and lets go', async () => {
  const redis = await server();
  const proxy = await TcpProxy.to(redis.port);
  onTestFinished(() => proxy.close());
  const through = client(proxy.port, { commandTimeout: 200 });
  await through.ping();
  proxy.blackhole();
  await expect(through.set('swallowed', '1')).rejects.toThrow('timed out');
  proxy.pass();
  expect(await client(redis.port).exists('swallowed')).toBe(0);
  expect(await client(proxy.port).ping()).toBe('PONG');
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
