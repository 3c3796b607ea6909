import { createRequire } from 'node:module';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { app, node, queueName, until } from './stage.js';

// kafkajs has requests that are never answered and never fail (tulios/kafkajs#1568, #1616): broken here from within.

const load = createRequire(import.meta.url);
const Broker = load('kafkajs/src/broker') as { prototype: { fetch: () => Promise<unknown> } };
const { KafkaJSNonRetriableError } = load('kafkajs/src/errors') as {
  KafkaJSNonRetriableError: new (message: string) => Error;
};

afterEach(() => void vi.restoreAllMocks());

async function working() {
  const broker = await node();
  const queue = queueName();
  const publisher = await app(broker.url, queue);
  const consumer = await app(broker.url, queue);
  const handled: unknown[] = [];
  consumer.subscribe('load', (payload) => void handled.push(payload));
  const worker = await consumer.work();
  const handles = async (payload: number) => {
    await publisher.event('load', payload);
    await until(() => expect(handled).toContain(payload), 60_000);
  };
  await handles(1);
  return { broker, worker, handles };
}

describe('reading that has stopped goes on by itself', () => {
  test('without a word', { timeout: 120_000 }, async () => {
    const { handles } = await working();
    const fetch = vi.spyOn(Broker.prototype, 'fetch');
    fetch.mockReturnValueOnce(new Promise(() => undefined));
    await until(() => expect(fetch.mock.calls.length).toBeGreaterThan(0));
    await handles(2);
  });

  test('with an error that kafkajs calls final', { timeout: 120_000 }, async () => {
    const { handles } = await working();
    const fetch = vi.spyOn(Broker.prototype, 'fetch');
    fetch.mockRejectedValueOnce(new KafkaJSNonRetriableError('broken for the test'));
    await until(() => expect(fetch.mock.calls.length).toBeGreaterThan(0));
    await handles(2);
  });
});

test('connected and not consuming, whatever is tried: it counts as away, until it consumes again', {
  timeout: 120_000,
}, async () => {
  const { worker, handles } = await working();
  expect(worker.activity).toMatchObject({ awayMs: 0 });
  const fetch = vi.spyOn(Broker.prototype, 'fetch').mockReturnValue(new Promise(() => undefined));
  const trouble = () => Math.max(worker.activity.awayMs, worker.activity.silentMs);
  await until(() => expect(trouble()).toBeGreaterThan(2000), 60_000);
  fetch.mockRestore();
  await handles(2);
  await until(() => expect(trouble()).toBeLessThan(2000));
});

test('a broker that answers nothing any more: it counts as away, until it answers', { timeout: 120_000 }, async () => {
  const { broker, worker, handles } = await working();
  broker.pause();
  await until(() => expect(worker.activity.awayMs).toBeGreaterThan(1000), 60_000);
  broker.resume();
  await handles(2);
  await until(() => expect(worker.activity.awayMs).toBe(0));
});
