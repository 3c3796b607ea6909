import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, vi } from 'vitest';
import type { Consumer, Delivery, OutgoingMessage, Transport, TransportNotice } from '../../src/contracts/index.js';

// What tests do with a transport, whichever it is.

export function queueName(): string {
  return `faults-${randomUUID()}`;
}

export function message(text: string, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { body: Buffer.from(text), event: 'tested', ...more };
}

/** A consumer, and what it has told. */
export async function consuming(transport: Transport, queue: string, group = 'workers', visibilityMs = 30_000) {
  const notices: TransportNotice[] = [];
  const onNotice = (notice: TransportNotice) => void notices.push(notice);
  const consumer = await transport.consume({ queue, group, visibilityMs, onNotice });
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

/** Generous: how long it waits only matters where a test fails. */
export function until(check: () => void | Promise<void>, timeout = 30_000): Promise<void> {
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
