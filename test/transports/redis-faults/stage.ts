import { onTestFinished } from 'vitest';
import type { Transport } from '../../../src/contracts/transport.js';
import type { RedisOptions } from '../../../src/redis/redis-options.js';
import { RedisListTransport } from '../../../src/transports/redis-list/redis-list-transport.js';
import { RedisStreamsTransport } from '../../../src/transports/redis-streams/redis-streams-transport.js';
import { Redis } from 'ioredis';
import { type RedisServer, type RedisServerOptions, startRedis } from '../../brokers/redis.js';
import { TcpProxy } from '../../brokers/tcp-proxy.js';
import { consuming } from '../receiving.js';

/** Both transports over Redis, by name. */
export const TRANSPORTS: readonly [string, (options: RedisOptions) => Transport][] = [
  ['redis-list', (options) => new RedisListTransport(options)],
  ['redis-streams', (options) => new RedisStreamsTransport(options)],
];

/** Everything made here ends with the test. */
export async function server(options?: RedisServerOptions): Promise<RedisServer> {
  const redis = await startRedis(options);
  onTestFinished(() => redis.dispose());
  return redis;
}

export async function proxyTo(port: number): Promise<TcpProxy> {
  const proxy = await TcpProxy.to(port);
  onTestFinished(() => proxy.close());
  return proxy;
}

export async function opened(transport: Transport): Promise<Transport> {
  onTestFinished(() => transport.close());
  await transport.open();
  return transport;
}

/** The raw client, as another program would use it. */
export function client(url: string): Redis {
  const redis = new Redis(url);
  redis.on('error', () => undefined);
  onTestFinished(() => redis.disconnect());
  return redis;
}

/** Newer servers have more commands, and more is promised on them. */
export async function knows(admin: Redis, command: string): Promise<boolean> {
  const [known] = (await admin.call('COMMAND', 'INFO', command)) as readonly unknown[];
  return known !== null && known !== undefined;
}

/** A consumer, and what it has told. */
export function consume(
  transport: Transport,
  { queue = 'events', group = 'workers', visibilityMs = 30_000 } = {},
): ReturnType<typeof consuming> {
  return consuming(transport, queue, group, visibilityMs);
}
