import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import {
  ackAll,
  expectNothing,
  message,
  numbered,
  receive,
  receiveOne,
  retryOf,
  sorted,
  textOf,
  textsOf,
} from '../receive.js';

export const handingOver: PromiseCases = {
  promise: 'a delivery is replaced by its successors in one step',
  cases: [
    {
      title: 'TestResendOnError: retried twice each, all 100 arrive a third time',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish(numbered(100));
        for (const attempt of [1, 2, 3]) {
          const received = await receive(consumer, 100, 30);
          assert.deepEqual(
            sorted(textsOf(received)),
            numbered(100).map((_, i) => String(i)),
          );
          for (const delivery of received) assert.equal(delivery.attempt, attempt);
          await Promise.all(received.map((one) => (attempt === 3 ? one.ack() : one.handOver([retryOf(one)]))));
        }
        await expectNothing(consumer);
      },
    },
    {
      title: 'TestContinueAfterErrors: whatever three workers hand back, the next one gets',
      async run(stand) {
        await stand.publish(numbered(50));
        for (let worker = 1; worker <= 3; worker++) {
          const consumer = await stand.consume();
          for (const delivery of await receive(consumer, 50)) {
            assert.equal(delivery.attempt, worker);
            void delivery.handOver([retryOf(delivery)]);
          }
          await consumer.close();
        }
        const consumer = await stand.consume();
        const last = await receive(consumer, 50);
        assert.deepEqual(
          sorted(textsOf(last)),
          numbered(50).map((_, i) => String(i)),
        );
        for (const delivery of last) assert.equal(delivery.attempt, 4);
        await ackAll(last);
        await expectNothing(consumer);
      },
    },
    {
      title: 'a successor keeps body, id and time, and carries its target, attempts and crashes',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        const first = await receiveOne(consumer);
        await first.handOver([{ kind: 'postponed', target: 'mailer', delayMs: 0, attempts: 6, crashes: 2 }]);
        const second = await receiveOne(consumer);
        assert.deepEqual(
          [second.id, textOf(second), second.publishedAt, second.target, second.attempt, second.crashes],
          [first.id, 'x', first.publishedAt, 'mailer', 7, 2],
        );
        await second.ack();
      },
    },
    {
      title: 'several successors: each listener that failed has its own',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        const first = await receiveOne(consumer);
        await first.handOver(['a', 'b', 'c'].map((target, i) => retryOf(first, { target, attempts: i })));
        const shares = await receive(consumer, 3);
        assert.deepEqual(shares.map(({ target, attempt }) => `${target} ${attempt}`).sort(), ['a 1', 'b 2', 'c 3']);
        await Promise.all(shares.map((delivery) => delivery.ack()));
        await expectNothing(consumer);
      },
    },
    {
      title: 'no successor at all: it is done',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        await (await receiveOne(consumer)).handOver([]);
        await expectNothing(consumer);
      },
    },
    {
      title: 'to another queue, where this group gets it and no other does',
      async run(stand) {
        const consumer = await stand.consume();
        const stranger = await stand.consume({ queue: stand.otherQueue, group: 'strangers' });
        await stand.publish([message('x')]);
        const first = await receiveOne(consumer);
        await first.handOver([retryOf(first, { queue: stand.otherQueue, target: 'mailer', attempts: 0 })]);
        const moved = await receiveOne(await stand.consume({ queue: stand.otherQueue, on: await stand.another() }));
        assert.deepEqual(
          [moved.id, moved.queue, moved.target, moved.attempt],
          [first.id, stand.otherQueue, 'mailer', 1],
        );
        await moved.ack();
        await expectNothing(consumer, 50);
        await expectNothing(stranger, 50);
      },
    },
    {
      title: 'to a queue nobody consumes yet: it waits there, and does not take the place of a first group',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('moved')]);
        const first = await receiveOne(consumer);
        await first.handOver([retryOf(first, { queue: stand.otherQueue })]);
        await stand.publish([message('published')], stand.otherQueue);
        const there = await stand.consume({ queue: stand.otherQueue, group: 'new' });
        assert.deepEqual(textsOf([await receiveOne(there)]), ['published']);
        assert.equal(textOf(await receiveOne(await stand.consume({ queue: stand.otherQueue }))), 'moved');
      },
    },
  ],
};
