import assert from 'node:assert/strict';
import type { PromiseCases } from '../case.js';
import {
  expectNothing,
  message,
  numbered,
  receive,
  receiveAndAck,
  receiveOne,
  retryOf,
  sorted,
  textsOf,
} from '../receive.js';

const twenty = numbered(20).map((_, i) => String(i));

export const fanOut: PromiseCases = {
  promise: 'every group gets every message, its workers share them',
  cases: [
    {
      title: 'TestConsumerGroups: each of three groups gets everything',
      needs: ['fanOut'],
      async run(stand) {
        const consumers = await Promise.all(['a', 'b', 'c'].map((group) => stand.consume({ group })));
        await stand.publish(numbered(20));
        for (const consumer of consumers) {
          assert.deepEqual(sorted(await receiveAndAck(consumer, 20)), twenty);
          await expectNothing(consumer, 50);
        }
      },
    },
    {
      title: 'a group that was down gets what was published meanwhile',
      needs: ['fanOut'],
      async run(stand) {
        const up = await stand.consume({ group: 'up' });
        await (await stand.consume({ group: 'down' })).close();
        await stand.publish(numbered(20));
        assert.deepEqual(sorted(await receiveAndAck(up, 20)), twenty);
        await expectNothing(up, 50);
        assert.deepEqual(sorted(await receiveAndAck(await stand.consume({ group: 'down' }), 20)), twenty);
      },
    },
    {
      title: 'a group that joins gets all that is published from then on',
      needs: ['fanOut'],
      async run(stand) {
        const first = await stand.consume({ group: 'first' });
        await stand.publish([message('before')]);
        const late = await stand.consume({ group: 'late', on: await stand.another() });
        await stand.publish([message('after')]);
        assert.deepEqual(await receiveAndAck(first, 2), ['before', 'after']);
        assert.ok((await receiveAndAck(late, 1)).includes('after'));
      },
    },
    {
      title: "what one group does with its copy is no other group's business",
      needs: ['fanOut'],
      async run(stand) {
        const [one, other] = [await stand.consume({ group: 'one' }), await stand.consume({ group: 'other' })];
        await stand.publish([message('x')]);
        const mine = await receiveOne(one);
        await mine.handOver([retryOf(mine)]);
        const retried = await receiveOne(one);
        assert.equal(retried.attempt, 2);
        const theirs = await receiveOne(other);
        assert.equal(theirs.attempt, 1);
        assert.equal(theirs.id, mine.id, 'it is the same message');
        await retried.ack();
        await theirs.release();
        assert.equal((await receiveOne(other)).attempt, 1);
        await expectNothing(one, 50);
      },
    },
    {
      title: 'workers of one group share the messages: each goes to one of them',
      async run(stand) {
        const consumers = [
          await stand.consume(),
          await stand.consume(),
          await stand.consume({ on: await stand.another() }),
        ];
        await stand.publish(numbered(60));
        const parts = await Promise.all(consumers.map((consumer) => receive(consumer, 20, 5)));
        assert.deepEqual(
          sorted(textsOf(parts.flat())),
          numbered(60).map((_, i) => String(i)),
        );
        await Promise.all(parts.flat().map((delivery) => delivery.ack()));
        await expectNothing(consumers[0] ?? assert.fail(), 50);
      },
    },
  ],
};
