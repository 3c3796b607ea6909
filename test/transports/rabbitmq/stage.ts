import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { RabbitmqOptions } from '../../../src/transports/rabbitmq/rabbitmq-options.js';
import { RabbitmqTransport } from '../../../src/transports/rabbitmq/rabbitmq-transport.js';
import { type RabbitmqNode, type RabbitmqNodeOptions, startRabbitmq } from '../../brokers/rabbitmq.js';
import { optionsFor } from '../../brokers/rabbitmq-subject.js';
import { sharedRabbitmq } from '../../brokers/shared.js';
import { TcpProxy } from '../../brokers/tcp-proxy.js';

export { acking, allReceived, consuming, message, one, queueName, textOf, until } from '../receiving.js';

/** A node that the test may hurt. */
export async function node(options: RabbitmqNodeOptions = {}): Promise<RabbitmqNode> {
  const started = await startRabbitmq(options);
  onTestFinished(() => started.dispose());
  return started;
}

export async function opened(url: string, more: Partial<RabbitmqOptions> = {}): Promise<RabbitmqTransport> {
  const transport = new RabbitmqTransport(optionsFor(url, more));
  onTestFinished(() => transport.close());
  await transport.open();
  return transport;
}

/** A link that the test may hurt, to the broker that all share. */
export async function through() {
  const url = await sharedRabbitmq();
  const proxy = await TcpProxy.to(Number(new URL(url).port));
  onTestFinished(() => proxy.close());
  const own = new URL(url);
  own.port = String(proxy.port);
  return { url, proxy, proxied: own.href };
}

/**
 * For those that kill a broker: a queue that RabbitMQ made within the last half second it may not find again afterwards
 * (docs/rabbitmq.md). It tells nobody when it can, so there is nothing to wait for but time.
 */
export function ofAge(): Promise<void> {
  return setTimeout(3000);
}
