import { afterEach, describe, expect, test } from 'vitest';
import { ThrunError, ThrunEvent, ThrunJob } from '../../src/index.js';
import { type TestThrun, testThrun } from '../../src/testing/index.js';

let app: TestThrun;
afterEach(() => app.close());

const received: { event: string; payload: unknown; meta: Record<string, unknown> }[] = [];

async function start() {
  received.length = 0;
  app = await testThrun({ group: 'shop' });
  app.thrun.subscribe('*', (payload, { event, meta }) => void received.push({ event, payload, meta }), { name: 'all' });
  return app;
}

describe('what is published', () => {
  test('by name, by class, by instance: the contract name is on the wire, no class name is', async () => {
    class OrderShipped {
      constructor(readonly orderId: number) {}
    }
    @ThrunEvent('bill.sent')
    class Bill {
      constructor(readonly total: string) {}
    }
    const { thrun, settle } = await start();
    await thrun.event('plain', { a: 1 });
    await thrun.event(OrderShipped, { orderId: 1 });
    await thrun.event(new OrderShipped(2));
    await thrun.event(new Bill('1.10'));
    await settle();
    expect(received.map(({ event, payload }) => [event, payload])).toEqual([
      ['plain', { a: 1 }],
      ['order_shipped', { orderId: 1 }],
      ['order_shipped', { orderId: 2 }],
      ['bill.sent', { total: '1.10' }],
    ]);
  });

  test('a job goes to the queue of its class', async () => {
    @ThrunJob('make_report', { queue: 'reports' })
    class MakeReport {
      constructor(readonly payload: { month: number }) {}
      async handle() {}
    }
    const { thrun } = await start();
    await thrun.event(new MakeReport({ month: 3 }));
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ queue: 'reports', depth: 1 }]);
  });

  test('options become meta; the source is the group', async () => {
    const { thrun, settle, clock, advance } = await start();
    const id = await thrun.event('e', {}, { id: 'mine-1', key: 'k', delay: '1s', meta: { tenant: 'acme' } });
    expect(id).toBe('mine-1');
    await settle();
    expect(received).toEqual([]);
    await advance(1000);
    expect(received[0]?.meta).toMatchObject({
      event_id: 'mine-1',
      key: 'k',
      source: 'shop',
      tenant: 'acme',
      timestamp: '2026-01-01T00:00:00.000Z',
      deliver_at: new Date(clock.now()).toISOString(),
    });
  });

  test('many at once keep their order and give their ids', async () => {
    const { thrun, settle } = await start();
    const ids = await thrun.events([{ event: 'a' }, { event: 'b', payload: 1 }, { event: 'c', id: 'c-1' }]);
    await settle();
    expect(received.map(({ event }) => event)).toEqual(['a', 'b', 'c']);
    expect(received.map(({ meta }) => meta['event_id'])).toEqual(ids);
    expect(ids[2]).toBe('c-1');
  });

  test.each([
    ['an empty name', '', {}, 'THRUN_EVENT_NAME'],
    ['a name with a space', 'a b', {}, 'THRUN_EVENT_NAME'],
    ['a pattern', 'a.*', {}, 'THRUN_EVENT_NAME'],
    ['a payload with a BigInt', 'e', { n: 1n }, 'THRUN_PAYLOAD'],
    ['a payload that is too large', 'e', 'x'.repeat(2 ** 20), 'THRUN_PAYLOAD'],
  ])('%s is refused before it is sent', async (_, event, payload, code) => {
    const { thrun } = await start();
    const error = await thrun.event(event, payload).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ThrunError);
    expect((error as ThrunError).code).toBe(code);
  });

  test('a time that is none is refused', async () => {
    const { thrun } = await start();
    for (const time of ['tomorrow', '2030-01-01 12:00', '2030-01-01T12:00:00', '2030-01-01', '']) {
      await expect(thrun.event('e', {}, { at: time }), time).rejects.toMatchObject({ code: 'THRUN_TIME' });
      await expect(thrun.event('e', {}, { expiresAt: time }), time).rejects.toMatchObject({ code: 'THRUN_TIME' });
    }
    await expect(thrun.event('e', {}, { delay: 'soon' })).rejects.toMatchObject({ code: 'THRUN_DURATION' });
  });

  test('a queue or a format that cannot be is refused', async () => {
    const { thrun } = await start();
    for (const queue of ['', 'a b', 'a*', 'a\u0000', 'é'.repeat(128)])
      await expect(thrun.event('e', {}, { queue }), queue).rejects.toMatchObject({ code: 'THRUN_INPUT' });
    await expect(thrun.events([{ event: 'e', queue: 'a b' }])).rejects.toMatchObject({ code: 'THRUN_INPUT' });
    await expect(thrun.event('e', {}, { format: 'xml' as never })).rejects.toThrow('There is no format "xml". Known:');
  });
});
