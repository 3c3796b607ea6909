import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Delivery, Postponed } from '../../contracts/delivery.js';
import type { Consumer, OutgoingMessage } from '../../contracts/transport.js';

/** Longest wait for the next of what has to come. Generous: it only matters where a test fails. */
const DEADLINE_MS = 10_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function message(body: string | Uint8Array, more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { body: typeof body === 'string' ? encoder.encode(body) : body, event: 'conformance', ...more };
}

/** `first`, `first + 1`, … as messages, each of which says its number. */
export function numbered(count: number, first = 0): OutgoingMessage[] {
  return Array.from({ length: count }, (_, i) => message(String(first + i)));
}

export function textOf(delivery: Delivery): string {
  return decoder.decode(delivery.body);
}

export function textsOf(deliveries: readonly Delivery[]): string[] {
  return deliveries.map(textOf);
}

/** Exactly `count` deliveries, however many receipts that takes, and however slow a busy machine is. Settles none. */
export async function receive(consumer: Consumer, count: number, batch = count): Promise<Delivery[]> {
  const received: Delivery[] = [];
  let giveUpAt = performance.now() + DEADLINE_MS;
  while (received.length < count) {
    const left = giveUpAt - performance.now();
    assert.ok(
      left > 0,
      `received ${received.length} of ${count} messages: ${textsOf(received).slice(0, 20).join(', ')}`,
    );
    const more = await consumer.next(Math.min(batch, count - received.length), { waitMs: left });
    if (more.length > 0) giveUpAt = performance.now() + DEADLINE_MS;
    received.push(...more);
  }
  return received;
}

/** The one delivery that has to come next. */
export async function receiveOne(consumer: Consumer): Promise<Delivery> {
  const [delivery] = await receive(consumer, 1);
  assert.ok(delivery);
  return delivery;
}

/** Receives and acks `count` messages. @returns what they said, in the order of their receipt */
export async function receiveAndAck(consumer: Consumer, count: number, batch = count): Promise<string[]> {
  const received = await receive(consumer, count, batch);
  await ackAll(received);
  return textsOf(received);
}

export async function ackAll(deliveries: readonly Delivery[]): Promise<void> {
  await Promise.all(deliveries.map((delivery) => delivery.ack()));
}

/** Nothing may come within `ms`. */
export async function expectNothing(consumer: Consumer, ms = 150): Promise<void> {
  const unexpected = await consumer.next(10, { waitMs: ms });
  assert.deepEqual(textsOf(unexpected), [], 'nothing was to be received');
}

/** Acks whatever comes until `seen` holds `count` different texts; duplicates are counted, not minded. */
export async function ackUntil(
  consumer: Consumer,
  seen: Map<string, number>,
  count: number,
  batch = 10,
): Promise<void> {
  // Others may be the ones who receive: what counts is that something comes.
  let [last, giveUpAt] = [seen.size, performance.now() + DEADLINE_MS * 2];
  while (seen.size < count) {
    if (seen.size > last) [last, giveUpAt] = [seen.size, performance.now() + DEADLINE_MS * 2];
    assert.ok(performance.now() < giveUpAt, `received ${seen.size} of ${count} different messages`);
    const received = await consumer.next(batch, { waitMs: 50 });
    for (const delivery of received) seen.set(textOf(delivery), (seen.get(textOf(delivery)) ?? 0) + 1);
    await ackAll(received);
  }
}

/** Waits for a condition that no promise tells of; a broker that starts again takes its time. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const giveUpAt = performance.now() + DEADLINE_MS * 3;
  while (!(await condition())) {
    assert.ok(performance.now() < giveUpAt, `waited in vain until ${what}`);
    await sleep(5);
  }
}

/** The retry of this delivery, as a worker would write it. */
export function retryOf(delivery: Delivery, more: Partial<Postponed> = {}): Postponed {
  const { target, attempt, crashes } = delivery;
  return { kind: 'postponed', target, delayMs: 0, attempts: attempt, crashes, ...more };
}

export function sorted(texts: Iterable<string>): string[] {
  return [...texts].sort((a, b) => Number(a) - Number(b) || (a < b ? -1 : 1));
}
