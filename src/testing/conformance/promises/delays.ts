import assert from 'node:assert/strict';
import type { Consumer } from '../../../contracts/transport.js';
import type { PromiseCases } from '../case.js';
import { expectNothing, message, receive, receiveAndAck, receiveOne, retryOf, textOf, textsOf } from '../receive.js';
import type { Stand } from '../stand.js';

const DELAY_MS = 250;

/**
 * Twenty messages with times of their own, out of order, all published before the first of them is due: on a busy machine that
 * takes more than one try. @returns the times, in order
 */
async function publishAhead(stand: Stand, consumer: Consumer, ms = 500): Promise<number[]> {
  const start = Date.now() + ms;
  const times = Array.from({ length: 20 }, (_, i) => start + ((i * 7) % 20) * 15);
  await stand.publish(times.map((deliverAt) => message(String(deliverAt), { deliverAt })));
  if (Date.now() < start) return times.sort((a, b) => a - b);
  await receiveAndAck(consumer, times.length);
  return publishAhead(stand, consumer, ms * 3);
}

export const delays: PromiseCases = {
  promise: 'what is delayed is held by the transport and never comes early',
  cases: [
    {
      title: 'a first delivery with a time of its own',
      async run(stand) {
        const consumer = await stand.consume();
        const deliverAt = Date.now() + DELAY_MS;
        await stand.publish([message('later', { deliverAt }), message('now')]);
        // Which is first is open: by the time a busy machine looks, both may be due.
        const came = new Map<string, number>();
        for (let i = 0; i < 2; i++) {
          const delivery = await receiveOne(consumer);
          came.set(textOf(delivery), Date.now());
          assert.equal(delivery.attempt, 1);
          await delivery.ack();
        }
        assert.deepEqual([...came.keys()].sort(), ['later', 'now']);
        const late = (came.get('later') ?? 0) - deliverAt;
        assert.ok(late >= 0, `it came ${-late} ms early`);
        await expectNothing(consumer, 50);
      },
    },
    {
      title: 'a retry with a delay',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        const first = await receiveOne(consumer);
        const from = Date.now();
        await first.handOver([retryOf(first, { delayMs: DELAY_MS })]);
        const second = await receiveOne(consumer);
        const early = DELAY_MS - (Date.now() - from);
        assert.ok(early <= 0, `it came ${early} ms early`);
        assert.equal(second.attempt, 2);
        await second.ack();
      },
    },
    {
      title: 'a time that has passed is no delay',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([
          message('a', { deliverAt: 0 }),
          message('b', { deliverAt: Date.now() - 60_000 }),
          message('c'),
        ]);
        assert.deepEqual((await receiveAndAck(consumer, 3)).sort(), ['a', 'b', 'c']);
      },
    },
    {
      title: 'many with times of their own come by time, none early',
      async run(stand) {
        const consumer = await stand.consume();
        for (const expected of await publishAhead(stand, consumer)) {
          const delivery = await receiveOne(consumer);
          assert.ok(Date.now() >= Number(textOf(delivery)), 'it came early');
          assert.equal(textOf(delivery), String(expected));
          await delivery.ack();
        }
      },
    },
    {
      title: 'every group gets what is delayed',
      needs: ['fanOut'],
      async run(stand) {
        const consumers = [await stand.consume({ group: 'a' }), await stand.consume({ group: 'b' })];
        await stand.publish([message('later', { deliverAt: Date.now() + DELAY_MS })]);
        const received = await Promise.all(consumers.map((consumer) => receiveAndAck(consumer, 1)));
        assert.deepEqual(received, [['later'], ['later']]);
      },
    },
    {
      title: 'it waits though nobody is there, and is not early when somebody comes',
      needs: ['persistent'],
      async run(stand) {
        const publisher = await stand.another();
        const deliverAt = Date.now() + DELAY_MS * 2;
        await publisher.publish(stand.queue, [message('first', { deliverAt })]);
        await publisher.close();
        await stand.transport.close();
        const consumer = await stand.consume({ on: await stand.another() });
        const delivery = await receiveOne(consumer);
        assert.ok(Date.now() >= deliverAt, 'it came early');
        await delivery.ack();
      },
    },
    {
      title: 'a delayed retry outlives the worker that asked for it',
      async run(stand) {
        const first = await stand.consume({ on: await stand.another() });
        await stand.publish([message('x')]);
        const delivery = await receiveOne(first);
        const from = Date.now();
        await delivery.handOver([retryOf(delivery, { delayMs: DELAY_MS })]);
        await first.close();
        const again = await receiveOne(await stand.consume());
        assert.ok(Date.now() - from >= DELAY_MS, 'it came early');
        assert.deepEqual([again.attempt, again.crashes], [2, 0]);
      },
    },
    {
      title: 'what is delayed does not hold up what is not',
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('far', { deliverAt: Date.now() + 3_600_000 }), message('a')]);
        const [a] = await receive(consumer, 1);
        await a?.handOver([retryOf(a, { delayMs: 3_600_000 })]);
        await stand.publish([message('b')]);
        assert.deepEqual(textsOf(await receive(consumer, 1)), ['b']);
      },
    },
  ],
};
