import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import { ackAll, message, numbered, receive, receiveAndAck, textOf, textsOf } from '../receive.js';

const KEYS = 16;

export const order: PromiseCases = {
  promise: 'one consumer receives in the order of publishing',
  cases: [
    {
      title: 'TestPublishSubscribeInOrder: one publish after the other, in batches of any size',
      needs: ['ordered'],
      async run(stand) {
        const consumer = await stand.consume();
        for (let i = 0; i < 200; ) {
          const size = 1 + (i % 9);
          await stand.publish(numbered(size, i));
          i += size;
        }
        const texts = await receiveAndAck(consumer, 200, 7);
        assert.deepEqual(
          texts,
          numbered(200).map((_, i) => String(i)),
        );
      },
    },
    {
      title: 'TestPublishSubscribeInOrder: sixteen publishers at once, each keeps its own order',
      needs: ['ordered'],
      async run(stand) {
        const consumer = await stand.consume();
        const publishers = await Promise.all(Array.from({ length: 4 }, () => stand.another()));
        const publishing = Array.from({ length: KEYS }, async (_, key) => {
          for (let i = 0; i < 25; i++) {
            const text = `${key} ${i}`;
            await publishers[key % 4]?.publish(stand.queue, [message(text, { key: String(key) })]);
          }
        });
        const received = await receive(consumer, KEYS * 25, 10);
        await Promise.all(publishing);
        for (let key = 0; key < KEYS; key++) {
          const mine = textsOf(received).filter((text) => text.startsWith(`${key} `));
          assert.deepEqual(
            mine,
            Array.from({ length: 25 }, (_, i) => `${key} ${i}`),
          );
        }
        await ackAll(received);
      },
    },
    {
      title: 'what is handed back comes before what was not received yet, in its order',
      needs: ['ordered'],
      async run(stand) {
        await stand.publish(numbered(10));
        const first = await stand.consume();
        await receive(first, 5, 5);
        await first.close();
        const received = await receive(await stand.consume(), 10);
        assert.deepEqual(
          received.map(textOf),
          numbered(10).map((_, i) => String(i)),
        );
      },
    },
  ],
};
