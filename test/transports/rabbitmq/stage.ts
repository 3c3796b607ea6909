import { setTimeout } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import type { RabbitmqOptions } from '../../../src/transports/rabbitmq/rabbitmq-options.js';
import { RabbitmqTransport } from '../../../src/transports/rabbitmq/rabbitmq-transport.js';
import { type RabbitmqNode, type RabbitmqNodeOptions, startRabbitmq } from '../../brokers/rabbitmq.js';
import { optionsFor } from '../../brokers/rabbitmq-subject.js';

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

/**
 * For those that kill a broker: a queue that RabbitMQ made within the last half second it may not find again afterwards
 * (docs/rabbitmq.md). It tells nobody when it can, so there is nothing to wait for but time.
 */
export function ofAge(): Promise<void> {
  return setTimeout(3000);
}
