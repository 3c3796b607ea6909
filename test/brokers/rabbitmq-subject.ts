import type { Subject } from '../../src/testing/conformance/index.js';
import { RabbitmqTransport } from '../../src/transports/rabbitmq/rabbitmq-transport.js';
import type { RabbitmqOptions } from '../../src/transports/rabbitmq/rabbitmq-options.js';
import { TcpProxy } from './tcp-proxy.js';
import { sharedRabbitmq } from './shared.js';

/** What the conformance suite asks that RabbitMQ cannot do, each with its reason. */
export const SKIPPED: Readonly<Record<string, string>> = {
  'the age of the oldest that is ready, the time to the next retry':
    'looking at the head of a queue would count as a delivery of it, so the age is not told',
};

export function optionsFor(url: string, more: Partial<RabbitmqOptions> = {}): RabbitmqOptions {
  return { url, heartbeatMs: 2000, timeoutMs: 10_000, group: 'workers', ...more };
}

export const { traits } = new RabbitmqTransport(optionsFor('amqp://nowhere'));

/** A broker that all cases share: their queues have names of their own. */
export async function rabbitmqSubject(): Promise<Subject> {
  const url = await sharedRabbitmq();
  const proxies: TcpProxy[] = [];
  return {
    transport: new RabbitmqTransport(optionsFor(url)),
    another: async () => new RabbitmqTransport(optionsFor(url)),
    async stalling() {
      // The broker has no leases: it gives away what a worker holds when its connection ends.
      const proxy = await TcpProxy.to(Number(new URL(url).port));
      proxies.push(proxy);
      const through = new URL(url);
      through.port = String(proxy.port);
      return { transport: new RabbitmqTransport(optionsFor(through.href)), stall: () => proxy.hangUp() };
    },
    async destroy() {
      await Promise.all(proxies.map((proxy) => proxy.close()));
    },
  };
}
