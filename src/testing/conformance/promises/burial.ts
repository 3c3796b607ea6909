import assert from 'node:assert/strict';
import type { Delivery } from '../../../contracts/delivery.js';
import type { Consumer, TransportNotice } from '../../../contracts/transport.js';
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
  textsOf,
  until,
} from '../receive.js';
import type { Stand } from '../stand.js';

const NEEDS = ['burial'] as const;

/** Each case gives up long before a lease runs out: what comes, comes because somebody was buried. */
export const burial: PromiseCases = {
  promise: 'what a worker held whose death is known is given out at once',
  cases: [
    {
      title: 'it comes to another as after any crash, first deliveries and retries alike, and is settled once',
      needs: NEEDS,
      async run(stand) {
        const { transport, stall } = await stand.stalling();
        const dying = await stand.consume({ on: transport });
        await stand.publish(numbered(6));
        const [retried, handled, ...held] = await receive(dying, 6);
        await Promise.all([retried?.handOver([retryOf(retried)]), handled?.ack()]);
        const again = await receiveOne(dying);
        await dying.flush();
        stall();
        await bury(stand, dying);
        const other = await stand.consume();
        const taken = await receive(other, 5);
        assert.deepEqual(sorted(textsOf(taken)), sorted(textsOf([again, ...held])));
        for (const { id, attempt, crashes } of taken) {
          assert.deepEqual([attempt, crashes], [id === again.id ? 3 : 2, 1]);
        }
        await ackAll(taken);
        await expectNothing(other, 100);
      },
    },
    {
      title: 'who waits already need not look for it, and what others hold stays theirs',
      needs: NEEDS,
      async run(stand) {
        const notices: TransportNotice[] = [];
        const living = await stand.consume({ notices });
        await stand.publish([message('theirs')]);
        const theirs = await receiveOne(living);
        const { transport, stall } = await stand.stalling();
        const dying = await stand.consume({ on: transport });
        const { held, sent } = await hold(stand, dying, 3);
        stall();
        const coming = receive(living, sent);
        await bury(stand, dying);
        const taken = await coming;
        const crashed = taken.filter(({ crashes }) => crashes === 1);
        assert.deepEqual(sorted(textsOf(crashed)), sorted(textsOf(held)));
        assert.equal(new Set(textsOf(taken)).size, sent);
        await ackAll([theirs, ...taken]);
        await expectNothing(living, 100);
        assert.deepEqual(notices, []);
      },
    },
    {
      title: 'who was buried and lives all the same is late with what it says, and told so',
      needs: NEEDS,
      async run(stand) {
        const notices: TransportNotice[] = [];
        const { transport, stall } = await stand.stalling();
        const missed = await stand.consume({ on: transport, notices });
        await stand.publish([message('x')]);
        const late = await receiveOne(missed);
        stall();
        await bury(stand, missed);
        const other = await stand.consume();
        const taken = await receiveOne(other);
        await late.ack();
        await until('it is told', () => notices.some(({ kind }) => kind === 'lease_lost'));
        await taken.handOver([retryOf(taken)]);
        await (await receiveOne(other)).ack();
        await expectNothing(other, 50);
      },
    },
    {
      title: 'twice is once, and nobody knows a stranger',
      needs: NEEDS,
      async run(stand) {
        const { transport, stall } = await stand.stalling();
        const dying = await stand.consume({ on: transport });
        await stand.publish([message('x')]);
        await receiveOne(dying);
        stall();
        await bury(stand, dying);
        const other = await stand.consume();
        const taken = await receiveOne(other);
        await bury(stand, dying);
        await stand.transport.bury?.({ queue: stand.queue, group: 'workers', holder: 'nobody' });
        await expectNothing(await stand.consume({ on: await stand.another() }), 100);
        await taken.ack();
        await expectNothing(other, 50);
      },
    },
  ],
};

/** Publishes until the consumer holds so many: where places are shared out, others may get some of it. */
async function hold(stand: Stand, consumer: Consumer, count: number) {
  const held: Delivery[] = [];
  let sent = 0;
  while (held.length < count) {
    assert.ok(sent < 200, `it received ${held.length} of ${sent} messages`);
    await stand.publish([message(String(sent), { key: String(sent) })]);
    sent++;
    held.push(...(await consumer.next(count - held.length, { waitMs: 200 })));
  }
  return { held, sent };
}

/** As who takes a dead worker's place does: by the name that was told last. */
async function bury({ queue, transport }: Stand, { holder }: Consumer): Promise<void> {
  assert.ok(holder, 'it holds under some name');
  await transport.bury?.({ queue, group: 'workers', holder });
}
