import { expect, test } from 'vitest';
import type { Clock } from '../../src/contracts/clock.js';
import type { HistoryAccess, PastEvent } from '../../src/contracts/history.js';
import { DEFAULT_LIMITS } from '../../src/envelope/index.js';
import { Replay, type ReplayOptions } from '../../src/replay/replay.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';

function event(n: number, text = `{"event":"e${n}","payload":{}}`): PastEvent {
  return { position: String(n), id: `m:${n}`, publishedAt: 1000 + n, body: Buffer.from(text) };
}

/** A history of pages, and what was handed over of it. */
function past(pages: readonly (readonly PastEvent[])[], replay?: HistoryAccess['replay']) {
  const handed: string[][] = [];
  const history: HistoryAccess = {
    look: async () => ({ groups: [], oldestAt: undefined, isCut: false, keeps: '' }),
    async *read() {
      yield* pages;
    },
    replay:
      replay ??
      (async (events) => {
        handed.push(events.map(({ position }) => position));
        return events.length;
      }),
  };
  return { history, handed };
}

function replaying(history: HistoryAccess, more: Partial<ReplayOptions> = {}) {
  const range = { queue: 'events', group: 'shop', since: '0' };
  const clock: Clock = new VirtualClock();
  const nobody = { listener: undefined, matches: undefined, rate: undefined };
  return new Replay({ history, range, transport: 'own', limits: DEFAULT_LIMITS, clock, ...nobody, ...more });
}

const never = new AbortController().signal;
/** What is not waited for by the clock has happened. */
const turn = () => new Promise(setImmediate);

test('page by page, all of it, what cannot be read included; the extent is known before', async () => {
  const { history, handed } = past([[event(1), event(2, 'no JSON')], [event(3)]]);
  const replay = replaying(history);
  expect(await replay.extent()).toEqual({ events: 3, from: 1001, to: 1003 });
  expect(handed).toEqual([]);
  await replay.run(never);
  expect(handed).toEqual([['1', '2'], ['3']]);
  expect(replay).toMatchObject({ chosen: 3, replayed: 3, position: '3' });
});

test('chosen by name: what cannot be read has none', async () => {
  const { history, handed } = past([[event(1), event(2, 'no JSON'), event(3)], [event(4, '{}')]]);
  const replay = replaying(history, { matches: (name) => name !== 'e1' });
  expect(await replay.extent()).toMatchObject({ events: 1 });
  await replay.run(never);
  expect(handed).toEqual([['3']]);
});

test('with a rate it hands over a tenth of a second at a time, and waits in between', async () => {
  const clock = new VirtualClock();
  const { history, handed } = past([Array.from({ length: 5 }, (_, n) => event(n))]);
  const running = replaying(history, { clock, rate: 20 }).run(never);
  await turn();
  await clock.advance(99);
  expect(handed).toEqual([['0', '1']]);
  await clock.advance(1);
  expect(handed).toEqual([
    ['0', '1'],
    ['2', '3'],
  ]);
  await clock.advance(200);
  await running;
  expect(handed).toEqual([['0', '1'], ['2', '3'], ['4']]);
});

test('stopped, it ends between two portions, and does not wait', async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const { history, handed } = past([[event(1), event(2)], [event(3)]]);
  const replay = replaying(history, { clock, rate: 1 });
  const running = replay.run(stop.signal);
  await turn();
  stop.abort();
  await running;
  expect(handed).toEqual([['1']]);
  expect(replay).toMatchObject({ chosen: 1, replayed: 1, position: '1' });
});

test('stopped while some are on their way, it does not wait after them either', async () => {
  const stop = new AbortController();
  const { history } = past([[event(1), event(2)]], async (events) => {
    stop.abort();
    return events.length;
  });
  const replay = replaying(history, { rate: 1 });
  await replay.run(stop.signal);
  expect(replay.replayed).toBe(1);
});

test('refused half-way, it says how far it came', async () => {
  let calls = 0;
  const { history } = past([[event(1), event(2)], [event(3)]], async (events) => {
    if (++calls === 2) throw new Error('full');
    // One was deleted meanwhile.
    return events.length - 1;
  });
  const replay = replaying(history);
  await expect(replay.run(never)).rejects.toThrow('full');
  expect(replay).toMatchObject({ chosen: 2, replayed: 1, position: '2' });
});
