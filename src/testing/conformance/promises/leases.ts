import assert from 'node:assert/strict';
import type { Delivery } from '../../../contracts/delivery.js';
import type { TransportNotice } from '../../../contracts/transport.js';
import type { PromiseCases } from '../case.js';
import {
  expectNothing,
  message,
  numbered,
  receive,
  receiveOne,
  retryOf,
  sorted,
  textOf,
  textsOf,
  until,
} from '../receive.js';
import { LIVING_MS, type Stand } from '../stand.js';

/** Three ways of settling too late. None may have any effect but its notice. */
const TOO_LATE: Readonly<Record<string, (delivery: Delivery) => Promise<void>>> = {
  ack: (delivery) => delivery.ack(),
  release: (delivery) => delivery.release(),
  'handing over': (delivery) =>
    delivery.handOver([retryOf(delivery, { target: 'a' }), retryOf(delivery, { target: 'b' })]),
};

export const leases: PromiseCases = {
  promise: "what a worker holds is its own while it lives, and someone else's after",
  cases: [
    {
      title: 'a worker that dies loses what it held to another',
      async run(stand) {
        const dying = await stalledConsumer(stand, 10);
        assert.equal(dying.held.length, 10);
        const other = await stand.consume();
        const taken = await receive(other, 10);
        assert.deepEqual(sorted(textsOf(taken)), sorted(textsOf(dying.held)));
        await Promise.all(taken.map((delivery) => delivery.ack()));
        await expectNothing(other, stand.dyingMs);
      },
    },
    ...Object.entries(TOO_LATE).flatMap(([what, settle]) =>
      (['a first delivery', 'a retry'] as const).map((which) => ({
        title: `${what} after the lease was lost is refused and reported: ${which}`,
        run: (stand: Stand) => settleTooLate(stand, settle, which === 'a retry'),
      })),
    ),
    {
      title: 'TestNoAck: a worker that lives keeps what it holds for many times the lease',
      async run(stand) {
        const notices: TransportNotice[] = [];
        const patient = await stand.consume({ visibilityMs: LIVING_MS, notices });
        const other = await stand.consume({ visibilityMs: LIVING_MS, on: await stand.another() });
        await stand.publish(numbered(5));
        const [first] = await receive(patient, 5, 5);
        await first?.handOver([retryOf(first)]);
        const retried = await receiveOne(patient);
        await expectNothing(other, LIVING_MS * 3);
        await retried.ack();
        await patient.close();
        const handedBack = await receive(other, 4);
        for (const { attempt, crashes } of handedBack) assert.deepEqual([attempt, crashes], [1, 0]);
        assert.deepEqual(notices, []);
      },
    },
    {
      title: 'what one worker holds does not keep others from what came after it',
      async run(stand) {
        const slow = await stand.consume({ visibilityMs: LIVING_MS });
        await stand.publish(numbered(1));
        const held = await receiveOne(slow);
        const quick = await stand.consume({ visibilityMs: LIVING_MS, on: await stand.another() });
        for (let round = 0; round < 5; round++) {
          await stand.publish(numbered(10));
          for (const delivery of await receive(quick, 10)) await delivery.ack();
          await expectNothing(quick, LIVING_MS / 3);
        }
        await held.ack();
        await expectNothing(quick, 50);
      },
    },
    {
      title: 'a lost lease is noticed without a settlement, when the worker comes to itself',
      async run(stand) {
        const notices: TransportNotice[] = [];
        const { transport, stall } = await stand.stalling();
        const dying = await stand.consume({ on: transport, visibilityMs: stand.dyingMs, notices });
        await stand.publish(numbered(2));
        const [one, two] = await receive(dying, 2, 2);
        stall();
        const other = await stand.consume();
        const taken = await receive(other, 2);
        await Promise.all([one?.ack(), two?.ack()]);
        await until('both are reported', () => lost(notices).length === 2);
        assert.deepEqual(
          new Set(lost(notices)),
          new Set(taken.map(({ id }) => ({ kind: 'lease_lost', queue: stand.queue, id }))),
        );
        await Promise.all(taken.map((delivery) => delivery.ack()));
        await expectNothing(other, 50);
      },
    },
  ],
};

/** A consumer that received `count` messages and then hangs. */
async function stalledConsumer(stand: Stand, count: number, retried = false) {
  const notices: TransportNotice[] = [];
  const { transport, stall } = await stand.stalling();
  const consumer = await stand.consume({ on: transport, visibilityMs: stand.dyingMs, notices });
  await stand.publish(numbered(count));
  let held = await receive(consumer, count);
  if (retried) {
    await Promise.all(held.map((delivery) => delivery.handOver([retryOf(delivery)])));
    held = await receive(consumer, count);
  }
  stall();
  return { held, notices };
}

async function settleTooLate(
  stand: Stand,
  settle: (delivery: Delivery) => Promise<void>,
  retried: boolean,
): Promise<void> {
  await stand.publish([]);
  const { held, notices } = await stalledConsumer(stand, 1, retried);
  const [late] = held;
  assert.ok(late);
  const other = await stand.consume();
  const taken = await receiveOne(other);
  assert.deepEqual([taken.id, taken.attempt, taken.crashes], [late.id, late.attempt + 1, 1]);
  await settle(late);
  await until('it is reported', () => lost(notices).length > 0);
  assert.deepEqual(lost(notices), [{ kind: 'lease_lost', queue: stand.queue, id: late.id }]);
  await expectNothing(other, 50);
  // Still the other's: had the late word counted, this retry would have nothing to stand on.
  await taken.handOver([retryOf(taken)]);
  const again = await receiveOne(other);
  assert.deepEqual([textOf(again), again.attempt], [textOf(late), taken.attempt + 1]);
  await again.ack();
  await stand.publish([message('end')]);
  assert.equal(textOf(await receiveOne(other)), 'end');
}

/** Where a lease hangs on a connection, its end is told as well. */
function lost(notices: readonly TransportNotice[]): TransportNotice[] {
  return notices.filter(({ kind }) => kind === 'lease_lost');
}
