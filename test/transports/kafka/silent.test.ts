import { createRequire } from 'node:module';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { app, node, queueName, until } from './stage.js';

// kafkajs has requests that are never answered and never fail (tulios/kafkajs#1568, #1616): broken here from within.

const load = createRequire(import.meta.url);
const Connections = load('kafkajs/src/network/connectionPool') as {
  prototype: { send(this: unknown, question: { readonly request: { readonly apiName: string } }): Promise<unknown> };
};
const { KafkaJSNonRetriableError } = load('kafkajs/src/errors') as {
  KafkaJSNonRetriableError: new (message: string) => Error;
};

afterEach(() => void vi.restoreAllMocks());

/** What becomes of fetches, so often. @returns how often it did */
function breakFetches(answer: () => Promise<unknown>, times: number): () => number {
  const { send } = Connections.prototype;
  let broken = 0;
  vi.spyOn(Connections.prototype, 'send').mockImplementation(function (this: unknown, question) {
    if (question.request.apiName !== 'Fetch' || broken >= times) return send.call(this, question);
    broken++;
    return answer();
  });
  return () => broken;
}

const never = () => new Promise(() => undefined);

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
  test('without a word', async () => {
    const { handles } = await working();
    const broken = breakFetches(never, 1);
    await until(() => expect(broken()).toBe(1));
    await handles(2);
  });

  test('with an error that kafkajs calls final', async () => {
    const { handles } = await working();
    const broken = breakFetches(() => Promise.reject(new KafkaJSNonRetriableError('broken for the test')), 1);
    await until(() => expect(broken()).toBe(1));
    await handles(2);
  });
});

test('connected and not consuming, whatever is tried: it counts as away, until it consumes again', async () => {
  const { worker, handles } = await working();
  expect(worker.activity).toMatchObject({ awayMs: 0 });
  const broken = breakFetches(never, Number.POSITIVE_INFINITY);
  const trouble = () => Math.max(worker.activity.awayMs, worker.activity.silentMs);
  await until(() => expect(trouble()).toBeGreaterThan(2000), 60_000);
  expect(broken()).toBeGreaterThan(0);
  vi.restoreAllMocks();
  await handles(2);
  await until(() => expect(trouble()).toBeLessThan(2000));
});

test('a broker that answers nothing any more: it counts as away, until it answers', async () => {
  const { broker, worker, handles } = await working();
  broker.pause();
  await until(() => expect(worker.activity.awayMs).toBeGreaterThan(1000), 60_000);
  broker.resume();
  await handles(2);
  await until(() => expect(worker.activity.awayMs).toBe(0));
});
