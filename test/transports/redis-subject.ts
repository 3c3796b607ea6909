import type { Transport } from '../../src/contracts/transport.js';
import type { Clock } from '../../src/contracts/clock.js';
import type { RedisOptions } from '../../src/redis/redis-options.js';
import { StallableClock, type Subject } from '../../src/testing/conformance/index.js';
import { startRedis } from '../brokers/redis.js';
import { TcpProxy } from '../brokers/tcp-proxy.js';

export type Make = (options: RedisOptions, clock?: Clock) => Transport;

/** Transports over a server that others use as well. */
export function subjectOn(url: string, make: Make): Subject {
  return {
    transport: make({ url }),
    another: async () => make({ url }),
    async stalling() {
      const clock = new StallableClock();
      return { transport: make({ url }, clock), stall: () => clock.stall() };
    },
    destroy: async () => undefined,
  };
}

/** A server of its own, which may be killed, and links to it, which may be damaged. */
export async function breakable(make: Make): Promise<Subject> {
  // With `everysec` a write waits for a sync that takes long, and is lost with a process that is killed meanwhile.
  const server = await startRedis({ appendfsync: 'always' });
  const proxies: TcpProxy[] = [];
  return {
    ...subjectOn(server.url, make),
    async restart() {
      await server.kill();
      await server.start();
    },
    async unsure() {
      const proxy = await TcpProxy.to(server.port);
      proxies.push(proxy);
      const transport = make({ url: `redis://127.0.0.1:${proxy.port}` });
      return { transport, loseAnswer: (text) => void proxy.cutAfter(text) };
    },
    async destroy() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
      await server.dispose();
    },
  };
}
