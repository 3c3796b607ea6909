import { describe, expect, test } from 'vitest';
import { type Clock, systemClock } from '../../../src/contracts/clock.js';
import type { TransportNotice } from '../../../src/contracts/transport.js';
import {
  ackAll,
  expectNothing,
  message,
  numbered,
  receive,
  receiveOne,
  retryOf,
  textsOf,
} from '../../../src/testing/conformance/receive.js';
import { consume, newPath, openTransport } from './file.js';

const HOUR_MS = 3_600_000;
/** Long enough that a machine that stands still for a second leaves time to extend it. */
const VISIBILITY_MS = 2000;

/** The wall clock of a machine, as somebody sets it. Every process of the machine sees the same. */
class WallClock implements Clock {
  offset = 0;

  now(): number {
    return Date.now() + this.offset;
  }

  after(ms: number, fn: () => void): () => void {
    return systemClock.after(ms, fn);
  }
}

/** A process on that machine that can be made to hang. */
function hanging(wall: WallClock): { readonly clock: Clock; hang(): void } {
  let hangs = false;
  return {
    clock: { now: () => wall.now(), after: (ms, fn) => wall.after(ms, () => !hangs && fn()) },
    hang: () => {
      hangs = true;
    },
  };
}

describe.each([
  ['an hour forward', HOUR_MS],
  ['an hour back', -HOUR_MS],
])('when the wall clock is set %s', (_, jump) => {
  test('living workers keep what they hold: first deliveries and retries', async () => {
    const wall = new WallClock();
    const path = await newPath();
    const notices: TransportNotice[] = [];
    const transport = await openTransport(path, {}, wall);
    const options = { visibilityMs: VISIBILITY_MS, onNotice: (notice: TransportNotice) => notices.push(notice) };
    const holder = await consume(transport, options);
    const other = await consume(await openTransport(path, {}, wall), options);
    await transport.publish('events', numbered(20));
    const batch = await receive(holder, 20);
    const [one] = batch;
    await one?.handOver([retryOf(one)]);
    const retried = await receiveOne(holder);
    wall.offset += jump;
    await expectNothing(other, VISIBILITY_MS * 2);
    await ackAll([...batch.slice(1), retried]);
    await expectNothing(other, VISIBILITY_MS * 1.5);
    expect(notices).toEqual([]);
  });

  test('what a dead worker held comes back within a few terms all the same', async () => {
    const wall = new WallClock();
    const path = await newPath();
    const { clock, hang } = hanging(wall);
    const dying = await openTransport(path, {}, clock);
    const other = await consume(await openTransport(path, {}, wall), { visibilityMs: VISIBILITY_MS });
    await dying.publish('events', numbered(5));
    await receive(await consume(dying, { visibilityMs: VISIBILITY_MS }), 5);
    hang();
    wall.offset += jump;
    // It gives up after ten seconds, five terms: without an answer to the jump it would come in an hour, or not.
    const taken = await receive(other, 5);
    expect(taken.every(({ attempt, crashes }) => attempt === 2 && crashes === 1)).toBe(true);
  });
});

test('what is delayed keeps to the wall clock: set forward it comes, set back it waits, none is lost', async () => {
  const wall = new WallClock();
  const transport = await openTransport(await newPath(), {}, wall);
  const consumer = await consume(transport);
  await transport.publish('events', [message('in half an hour', { deliverAt: wall.now() + HOUR_MS / 2 })]);
  wall.offset -= HOUR_MS;
  await expectNothing(consumer, 100);
  wall.offset += HOUR_MS * 2;
  expect(textsOf(await receive(consumer, 1))).toEqual(['in half an hour']);
});
