import { randomUUID } from 'node:crypto';
import { onTestFinished, vi, expect } from 'vitest';
import type { Consumer, Delivery, OutgoingMessage, TransportNotice } from '../../../src/contracts/index.js';
import type { RabbitmqOptions } from '../../../src/transports/rabbitmq/rabbitmq-options.js';
import { RabbitmqTransport } from '../../../src/transports/rabbitmq/rabbitmq-transport.js';
import { type RabbitmqNode, type RabbitmqNodeOptions, startRabbitmq } from '../../brokers/rabbitmq.js';
import { optionsFor } from '../../brokers/rabbitmq-subject.js';

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

export function queueName(): string {
  return `faults-${randomUUID()}`;
}

export function message(text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { body: Buffer.from(text), event: 'tested', ...more };
}

/** A consumer, and what it has told. */
export async function consuming(transport: RabbitmqTransport, queue: string, group = 'workers') {
  const notices: TransportNotice[] = [];
  const onNotice = (notice: TransportNotice) => void notices.push(notice);
  const consumer = await transport.consume({ queue, group, visibilityMs: 30_000, onNotice });
  const degraded = () => notices.flatMap((notice) => (notice.kind === 'degraded' ? [notice.message] : []));
  return { consumer, notices, degraded, kinds: () => notices.map(({ kind }) => kind) };
}

/** Acks everything that comes, for ever; the texts in the order they came. */
export function acking(consumer: Consumer): string[] {
  const texts: string[] = [];
  let isOver = false;
  onTestFinished(() => {
    isOver = true;
  });
  void (async () => {
    while (!isOver) {
      for (const delivery of await consumer.next(50, { waitMs: 100 })) {
        texts.push(textOf(delivery));
        void delivery.ack();
      }
    }
  })();
  return texts;
}

export async function one(consumer: Consumer): Promise<Delivery> {
  const [delivery] = await consumer.next(1, { waitMs: 10_000 });
  if (!delivery) throw new Error('nothing came');
  return delivery;
}

export function textOf({ body }: Pick<Delivery, 'body'>): string {
  return Buffer.from(body).toString();
}

export function until(check: () => void | Promise<void>, timeout = 10_000): Promise<void> {
  return vi.waitFor(check, { timeout, interval: 10 });
}

/** All of these were received, however often. */
export async function allReceived(expected: Iterable<string>, received: readonly string[], timeout: number) {
  const wanted = [...expected];
  await until(() => {
    const seen = new Set(received);
    expect(wanted.filter((text) => !seen.has(text))).toEqual([]);
  }, timeout);
}

/**
 * For those that kill a broker: a queue that RabbitMQ made within the last half second it may not find again afterwards, and
 * it tells nobody when it can (docs/rabbitmq.md).
 */
export async function ofAge(): Promise<void> {
  const madeAt = performance.now();
  await until(() => expect(performance.now() - madeAt).toBeGreaterThan(3000));
}
