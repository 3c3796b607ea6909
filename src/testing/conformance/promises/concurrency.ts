import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { ackUntil, message, numbered, retryOf, sorted, textOf } from '../receive.js';
import type { Stand } from '../stand.js';

const MESSAGES = 1000;
const SUBSCRIBERS = 20;
const PUBLISHERS = 20;

export const concurrency: PromiseCases = {
  promise: 'many publishers and many consumers at once',
  cases: [
    {
      title: 'TestConcurrentSubscribe: every message once, though all of them hurry',
      async run(stand) {
        const seen = await throughMany(stand, stand.queue);
        assert.deepEqual(
          sorted(seen.keys()),
          numbered(MESSAGES).map((_, i) => String(i)),
        );
        assert.ok(
          [...seen.values()].every((times) => times === 1),
          'nobody died, so nothing may come twice',
        );
      },
    },
    {
      title: 'TestConcurrentSubscribeMultipleTopics: several queues beside each other',
      async run(stand) {
        const queues = Array.from({ length: 3 }, (_, i) => `${stand.queue}-${i}`);
        for (const seen of await Promise.all(queues.map((queue) => throughMany(stand, queue)))) {
          assert.equal(seen.size, MESSAGES);
        }
      },
    },
    {
      title: 'workers that retry, release and close all the time: every message is acked once',
      async run(stand) {
        const count = 300;
        const acked = new Map<string, number>();
        const elsewhere = await stand.another();
        const worker = async (seed: number) => {
          for (let round = 0; acked.size < count; round++) {
            const consumer = await stand.consume({ on: (seed + round) % 2 === 0 ? stand.transport : elsewhere });
            for (let look = 0; look < 4 && acked.size < count; look++) {
              const batch = await consumer.next(7, { waitMs: 20 });
              for (const [i, delivery] of batch.entries()) {
                const fate = (seed + round + look + i) % 5;
                if (fate === 0) void delivery.release();
                else if (fate === 1 && delivery.attempt < 4)
                  void delivery.handOver([retryOf(delivery, { delayMs: i })]);
                else if (fate !== 2) {
                  acked.set(textOf(delivery), (acked.get(textOf(delivery)) ?? 0) + 1);
                  void delivery.ack();
                }
              }
            }
            await consumer.close();
          }
        };
        await Promise.all([stand.publish(numbered(count)), ...Array.from({ length: 6 }, (_, seed) => worker(seed))]);
        assert.equal(acked.size, count);
        assert.deepEqual(
          [...acked].filter(([, times]) => times > 1),
          [],
          'what is acked does not come again',
        );
      },
    },
  ],
};

async function throughMany(stand: Stand, queue: string): Promise<Map<string, number>> {
  const transports = [stand.transport, await stand.another(), await stand.another()];
  const seen = new Map<string, number>();
  const consumers = await Promise.all(
    Array.from({ length: SUBSCRIBERS }, (_, i) => stand.consume({ queue, on: transports[i % 3] ?? stand.transport })),
  );
  const publish = async (publisher: number) => {
    for (let i = publisher; i < MESSAGES; i += PUBLISHERS)
      await transports[publisher % 3]?.publish(queue, [message(String(i))]);
  };
  await Promise.all([
    ...Array.from({ length: PUBLISHERS }, (_, publisher) => publish(publisher)),
    ...consumers.map((consumer) => ackUntil(consumer, seen, MESSAGES)),
  ]);
  return seen;
}
