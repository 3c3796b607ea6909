import { expect, test } from 'vitest';
import type { TransportNotice } from '../../../src/contracts/index.js';
import { systemClock } from '../../../src/contracts/clock.js';
import type { KafkaClient } from '../../../src/transports/kafka/kafka-client.js';
import { Health } from '../../../src/transports/kafka/kafka-health.js';
import { Ledger } from '../../../src/transports/kafka/kafka-ledger.js';
import { Troubles } from '../../../src/transports/kafka/kafka-troubles.js';
import { commitsOf } from './commits.js';
import { app, node, queueName, until } from './stage.js';

const EVENTS = 3000;

test('one listener hangs: the rest of its partition is handled, and once its time is up commits reach the end', async () => {
  const broker = await node();
  const queue = queueName();
  const worker = await app(broker.url, queue, { worker: { concurrency: 10 } });
  const handled = new Set<number>();
  let hung = 0;
  worker.subscribe(
    'load',
    (payload) => {
      const { n } = payload as { n: number };
      if (n !== 10) return void handled.add(n);
      hung++;
      return new Promise(() => undefined);
    },
    { timeout: '4s', retry: { attempts: 1 } },
  );
  const publisher = await app(broker.url, queue);
  // One key, one partition.
  await publisher.events(
    Array.from({ length: EVENTS }, (_, n) => ({ event: 'load', payload: { n }, key: String(n % 7) })),
  );
  await worker.work();
  await until(() => expect([handled.size, hung]).toEqual([EVENTS - 1, 1]), 20_000);
  const { deadLetters } = await worker.transport();
  await until(async () => expect(await deadLetters?.count({})).toBe(1), 20_000);
  await until(async () => {
    const { last, backwards } = await commitsOf([broker.url], queue);
    expect([...last.values()].reduce((sum, offset) => sum + offset, 0)).toBeGreaterThanOrEqual(EVENTS);
    expect(backwards).toEqual([]);
  }, 20_000);
});

test('that a partition waits is told once, however much more waits behind it by then', () => {
  const notices: TransportNotice[] = [];
  const health = new Health(systemClock, (notice) => void notices.push(notice));
  const nothing = async () => undefined;
  const about = { queue: 'orders', topics: ['orders'], renew: nothing, onRenewed: () => undefined };
  const troubles = new Troubles({ ...about, client: {} as KafkaClient, health });
  const ledger = new Ledger({ topic: 'orders', partition: 0 }, false, undefined, 0);
  for (let offset = 0; offset < 3; offset++) {
    ledger.add([{ offset, timestamp: 0, key: null, value: null, headers: {} }], offset + 1);
    troubles.stuck(ledger);
  }
  expect(notices).toMatchObject([{ kind: 'degraded', message: expect.stringContaining('1 behind it') as string }]);
});
