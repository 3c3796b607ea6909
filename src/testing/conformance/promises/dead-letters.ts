import assert from 'node:assert/strict';
import type { DeadLetter, DeadLetterAccess } from '../../../contracts/dead-letter.js';
import type { Dead } from '../../../contracts/delivery.js';
import type { PromiseCases } from '../case.js';
import { expectNothing, message, numbered, receive, receiveOne, retryOf, textOf } from '../receive.js';
import type { Stand } from '../stand.js';

const NEEDS = ['deadLetters'] as const;

export const deadLetters: PromiseCases = {
  promise: 'a dead letter is kept until someone decides on it',
  cases: [
    {
      title: 'it is kept whole and never delivered again',
      needs: NEEDS,
      async run(stand) {
        const before = Date.now();
        const body = Uint8Array.of(0x7b, 0xff, 0x00, 0xc3, 0x28, 0x7d);
        const consumer = await stand.consume();
        await stand.publish([message(body)]);
        const delivery = await receiveOne(consumer);
        await delivery.handOver([{ ...GAVE_UP, target: 'mailer', error: 'Bytes 1–2 are not UTF-8', attempts: 7 }]);
        const [letter, ...more] = await access(stand).list({ queue: stand.queue }, 10);
        assert.ok(letter);
        assert.deepEqual(more, []);
        const { id, diedAt, body: kept, ...facts } = pick(letter);
        assert.deepEqual([...kept], [...body]);
        assert.deepEqual(facts, {
          queue: stand.queue,
          group: 'workers',
          target: 'mailer',
          reason: 'gave_up',
          error: 'Bytes 1–2 are not UTF-8',
          attempts: 7,
          event: 'conformance',
          eventId: 'event-1',
          publishedAt: delivery.publishedAt,
        });
        assert.ok(Math.abs(diedAt - before) < 60_000);
        assert.deepEqual(pick((await access(stand).get(id)) ?? assert.fail()), pick(letter));
        await expectNothing(consumer);
      },
    },
    {
      title: 'an empty body and unknown event are kept as they are',
      needs: NEEDS,
      async run(stand) {
        await stand.publish([message(new Uint8Array(0))]);
        const delivery = await receiveOne(await stand.consume());
        await delivery.handOver([{ ...GAVE_UP, reason: 'empty_body', event: undefined, eventId: undefined }]);
        const [letter] = await access(stand).list({ queue: stand.queue }, 10);
        assert.deepEqual(
          [letter?.body.length, letter?.event, letter?.eventId, letter?.target],
          [0, undefined, undefined, undefined],
        );
      },
    },
    {
      title: "one listener's share can die while another's is retried",
      needs: NEEDS,
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        const delivery = await receiveOne(consumer);
        await delivery.handOver([{ ...GAVE_UP, target: 'a' }, retryOf(delivery, { target: 'b' })]);
        const retried = await receiveOne(consumer);
        assert.equal(retried.target, 'b');
        await retried.ack();
        assert.equal(await access(stand).count({ queue: stand.queue }), 1);
      },
    },
    {
      title: 'found by event, queue, group and time, the oldest death first, no more than asked for',
      needs: NEEDS,
      async run(stand) {
        const letters = access(stand);
        await bury(stand, 3);
        await bury(stand, 2, { queue: stand.otherQueue, event: 'other' });
        const filters = [
          [{ queue: stand.queue }, 3],
          [{ queue: stand.otherQueue }, 2],
          [{ queue: stand.otherQueue, event: 'other' }, 2],
          [{ queue: stand.queue, event: 'other' }, 0],
          [{ queue: stand.queue, group: 'workers' }, 3],
          [{ queue: stand.queue, group: 'others' }, 0],
          [{ queue: stand.queue, since: Date.now() + 60_000 }, 0],
          [{ queue: stand.queue, since: Date.now() - 60_000 }, 3],
        ] as const;
        for (const [filter, count] of filters) {
          assert.equal(await letters.count(filter), count, JSON.stringify(filter));
          assert.equal((await letters.list(filter, 100)).length, count, JSON.stringify(filter));
        }
        const texts = (await letters.list({ queue: stand.queue }, 2)).map(({ body }) => new TextDecoder().decode(body));
        assert.deepEqual(texts, ['0', '1']);
        assert.equal((await letters.list({ queue: stand.queue }, Number.MAX_SAFE_INTEGER)).length, 3);
      },
    },
    {
      title: 'retried, it goes back to the listener that gave up, counts at zero',
      needs: NEEDS,
      async run(stand) {
        const consumer = await stand.consume();
        await stand.publish([message('x')]);
        const delivery = await receiveOne(consumer);
        await delivery.handOver([{ ...GAVE_UP, target: 'mailer', attempts: 9 }]);
        const [letter] = await access(stand).list({ queue: stand.queue }, 10);
        assert.ok(letter);
        assert.equal(await access(stand).retry([letter.id, letter.id]), 1, 'named twice, it is still one');
        const again = await receiveOne(consumer);
        assert.deepEqual(
          [again.id, textOf(again), again.target, again.attempt, again.crashes, again.publishedAt],
          [delivery.id, 'x', 'mailer', 1, 0, delivery.publishedAt],
        );
        assert.equal(await access(stand).count({ queue: stand.queue }), 0);
        await again.ack();
        await expectNothing(consumer, 50);
      },
    },
    {
      title: 'retried, it comes back to the group it died in, and to no other',
      needs: ['deadLetters', 'fanOut'],
      async run(stand) {
        const [one, other] = [await stand.consume({ group: 'one' }), await stand.consume({ group: 'other' })];
        await stand.publish([message('x')]);
        await (await receiveOne(one)).handOver([GAVE_UP]);
        await (await receiveOne(other)).ack();
        const [letter] = await access(stand).list({ queue: stand.queue, group: 'one' }, 10);
        await access(stand).retry([letter?.id ?? '']);
        assert.equal(textOf(await receiveOne(one)), 'x');
        await expectNothing(other, 50);
      },
    },
    {
      title: 'forgotten, it is gone; what is not there is not counted',
      needs: NEEDS,
      async run(stand) {
        await bury(stand, 3);
        const letters = access(stand);
        const [one, two] = await letters.list({ queue: stand.queue }, 10);
        assert.ok(one && two);
        assert.equal(await letters.forget([one.id, 'nobody', '', '999999999']), 1);
        assert.equal(await letters.get(one.id), undefined);
        assert.equal(await letters.retry([one.id, 'nobody']), 0);
        assert.equal(await letters.forget([one.id]), 0);
        assert.equal(await letters.count({ queue: stand.queue }), 2);
        assert.equal(await letters.get('nobody'), undefined);
      },
    },
    {
      title: 'read and decided on by another process, and after the worker is gone',
      needs: NEEDS,
      async run(stand) {
        await bury(stand, 1);
        const elsewhere = await stand.another();
        const letters = elsewhere.deadLetters ?? assert.fail('there are no dead letters here');
        const [letter] = await letters.list({ queue: stand.queue }, 10);
        assert.equal(await letters.retry([letter?.id ?? '']), 1);
        assert.equal(textOf(await receiveOne(await stand.consume())), '0');
      },
    },
  ],
};

const GAVE_UP: Dead = {
  kind: 'dead',
  target: undefined,
  reason: 'gave_up',
  error: 'it is of no use',
  attempts: 1,
  event: 'conformance',
  eventId: 'event-1',
};

function access(stand: Stand): DeadLetterAccess {
  return (
    stand.transport.deadLetters ?? assert.fail('the transport says it keeps dead letters, but gives no access to them')
  );
}

/** The port's own fields: a transport may keep more beside them. */
function pick({
  id,
  queue,
  group,
  target,
  reason,
  error,
  attempts,
  event,
  eventId,
  publishedAt,
  diedAt,
  body,
}: DeadLetter): DeadLetter {
  return { id, queue, group, target, reason, error, attempts, event, eventId, publishedAt, diedAt, body };
}

async function bury(stand: Stand, count: number, { queue = stand.queue, event = 'conformance' } = {}): Promise<void> {
  const consumer = await stand.consume({ queue });
  await stand.publish(numbered(count), queue);
  for (const delivery of await receive(consumer, count)) await delivery.handOver([{ ...GAVE_UP, event }]);
  await consumer.close();
}
