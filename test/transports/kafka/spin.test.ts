import { expect, test } from 'vitest';
import { RequestQueue } from '../../../src/transports/kafka/client/kafkajs-parts.js';
import { mendSpin } from '../../../src/transports/kafka/client/kafkajs-spin.js';
import { sharedKafka } from '../../brokers/shared.js';
import { kafkaOptions } from '../../brokers/kafka-subject.js';
import { KafkajsClient } from '../../../src/transports/kafka/client/kafkajs-client.js';

test('an idle connection sets next to no timers', async () => {
  const client = new KafkajsClient(kafkaOptions(await sharedKafka()));
  await client.open();
  await client.cluster();
  const timers = await timersWithin(1000);
  await client.close();
  // kafkajs as it is: about 870.
  expect(timers).toBeLessThan(20);
});

test('what waits because the broker throttles is sent when it may be', async () => {
  mendSpin();
  const sent: string[] = [];
  const queue = Object.assign(Object.create(RequestQueue.prototype) as typeof RequestQueue.prototype, {
    pending: ['a'],
    throttledUntil: Date.now() + 30,
    throttleCheckTimeoutId: null,
    checkPendingRequests(this: { pending: string[] }) {
      sent.push(...this.pending.splice(0));
    },
  });
  queue.scheduleCheckPendingRequests();
  const timer = queue.throttleCheckTimeoutId;
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId).toBe(timer);
  await expect.poll(() => sent).toEqual(['a']);
  queue.scheduleCheckPendingRequests();
  expect(queue.throttleCheckTimeoutId, 'nothing waits, so nothing is looked for').toBeNull();
});

async function timersWithin(ms: number): Promise<number> {
  const { setTimeout: original } = globalThis;
  let count = 0;
  globalThis.setTimeout = Object.assign((...args: Parameters<typeof original>) => {
    count++;
    return original(...args);
  }, original);
  try {
    await new Promise((resolve) => original(resolve, ms));
    return count;
  } finally {
    globalThis.setTimeout = original;
  }
}
