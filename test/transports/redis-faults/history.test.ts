import { expect, onTestFinished, test } from 'vitest';
import type { HistoryAccess, HistoryRange, PastEvent } from '../../../src/contracts/history.js';
import type { RedisStreamsOptions } from '../../../src/transports/redis-streams/redis-streams-options.js';
import { RedisStreamsTransport } from '../../../src/transports/redis-streams/redis-streams-transport.js';
import { ackAll, message, numbered, receive, textsOf } from '../../../src/testing/conformance/receive.js';
import { startCluster } from '../../brokers/redis-topologies.js';
import { client, consume, opened, proxyTo, server } from './stage.js';

const HOUR_MS = 3_600_000;
const TARGET = { queue: 'events', group: 'workers', listener: undefined };

async function keeping(options: RedisStreamsOptions) {
  const transport = new RedisStreamsTransport({ historyMs: HOUR_MS, ...options });
  await opened(transport);
  return { transport, history: transport.history };
}

async function past(history: HistoryAccess, range: Partial<HistoryRange> = {}): Promise<PastEvent[]> {
  const events: PastEvent[] = [];
  for await (const page of history.read({ queue: 'events', group: 'workers', since: '0', ...range })) {
    events.push(...page);
  }
  return events;
}

test('what other programs wrote comes back as the bytes it was received as', async () => {
  const redis = await server();
  const { transport, history } = await keeping({ url: redis.url });
  const { consumer } = await consume(transport);
  const admin = client(redis.url);
  await admin.xadd('events', '*', 'data', '{"event":"a"}');
  await admin.xadd('events', '*', 'event', 'b', 'payload', '12345678901234567890', 'meta', '{}');
  await admin.xadd('events', '*', 'order', '1', 'price', '2');
  const received = await receive(consumer, 3);
  await ackAll(received);
  expect(await history.replay(await past(history), TARGET)).toBe(3);
  const again = await receive(consumer, 3);
  expect(textsOf(again)).toEqual(textsOf(received));
  expect(again.map(({ id }) => id)).toEqual(received.map(({ id }) => id));
  await ackAll(again);
});

test('what the group holds, has read and waits for is as it was', async () => {
  const redis = await server();
  const { transport, history } = await keeping({ url: redis.url });
  const { consumer, notices } = await consume(transport);
  await transport.publish('events', numbered(20));
  await ackAll(await receive(consumer, 8));
  const held = await receive(consumer, 6);
  const admin = client(redis.url);
  const state = async () => {
    const pending = (await admin.xpending('events', 'workers', '-', '+', 100)) as [id: string, by: string][];
    const [group] = (await admin.xinfo('GROUPS', 'events')) as unknown[];
    return { pending: pending.map(([id, by]) => [id, by]), group };
  };
  const before = await state();
  expect(before.pending).toHaveLength(6);
  const events = (await past(history)).slice(0, 8);
  expect(await history.replay(events, TARGET)).toBe(8);
  expect(await state()).toEqual(before);
  await ackAll(held);
  const rest = await receive(consumer, 14);
  await ackAll(rest);
  expect(textsOf(rest).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 14, 15, 16, 17, 18, 19].map(String).sort());
  expect(notices).toEqual([]);
});

test('what is older than the history goes, what is younger or not handled stays', async () => {
  const redis = await server();
  const { transport } = await keeping({ url: redis.url });
  const admin = client(redis.url);
  const now = Date.now();
  for (const [age, text] of [
    [2 * HOUR_MS, 'old'],
    [2 * HOUR_MS - 1, 'older than an hour'],
    [HOUR_MS / 2, 'young'],
  ]) {
    await admin.xadd('events', `${now - Number(age)}-1`, 'envelope', String(text));
  }
  const { consumer } = await consume(transport);
  const [first, ...rest] = await receive(consumer, 3);
  await ackAll(rest);
  // Within a second it looks round, and trims.
  await consumer.next(1, { waitMs: 1500 });
  expect(await admin.xlen('events'), 'somebody still holds the oldest').toBe(3);
  await first?.ack();
  await consumer.close();
  const left = await admin.xrange('events', '-', '+');
  expect(left.map(([, fields]) => fields[1])).toEqual(['young']);
});

test('what was deleted between reading and handing over is not counted, and the rest comes', async () => {
  const redis = await server();
  const { transport, history } = await keeping({ url: redis.url });
  const { consumer } = await consume(transport);
  await transport.publish('events', numbered(3));
  await ackAll(await receive(consumer, 3));
  const events = await past(history);
  await client(redis.url).xdel('events', events[1]?.position ?? '');
  expect(await history.replay(events, TARGET)).toBe(2);
  const again = await receive(consumer, 2);
  expect(textsOf(again)).toEqual(['0', '2']);
  await ackAll(again);
});

test('a group that is gone is given nothing, and is not made', async () => {
  const redis = await server();
  const { transport, history } = await keeping({ url: redis.url });
  const { consumer } = await consume(transport);
  await transport.publish('events', numbered(1));
  await ackAll(await receive(consumer, 1));
  const events = await past(history);
  await consumer.close();
  const admin = client(redis.url);
  await admin.xgroup('DESTROY', 'events', 'workers');
  await expect(history.replay(events, TARGET)).rejects.toMatchObject({
    code: 'THRUN_TRANSPORT_REFUSED',
    message: expect.stringContaining('NOGROUP'),
  });
  expect((await history.look({ ...TARGET, since: '0' })).groups).toEqual([]);
  expect(await admin.exists('{events}:group:workers:parcels')).toBe(0);
});

test('an answer that is lost is not guessed at', async () => {
  const redis = await server();
  const proxy = await proxyTo(redis.port);
  const { transport, history } = await keeping({ url: `redis://127.0.0.1:${proxy.port}` });
  const elsewhere = await keeping({ url: redis.url });
  const { consumer } = await consume(elsewhere.transport);
  await transport.publish('events', [message('x')]);
  await ackAll(await receive(consumer, 1));
  const events = await past(history);
  // The script is known to the server by then: its hash alone is sent.
  await elsewhere.history.replay([], TARGET);
  void proxy.cutAfter(events[0]?.position ?? '');
  await expect(history.replay(events, TARGET)).rejects.toMatchObject({ code: 'THRUN_PUBLISH_UNKNOWN' });
  expect(textsOf(await receive(consumer, 1)), 'here it had arrived').toEqual(['x']);
});

test('on a cluster', async () => {
  const nodes = await startCluster();
  onTestFinished(() => Promise.all(nodes.map((node) => node.dispose())).then(() => undefined));
  const { transport, history } = await keeping({ cluster: nodes.map(({ port }) => `127.0.0.1:${port}`) });
  for (const queue of ['a', 'b', 'c']) {
    const { consumer } = await consume(transport, { queue });
    await transport.publish(queue, numbered(5));
    await ackAll(await receive(consumer, 5));
    expect(await history.replay(await past(history, { queue }), { ...TARGET, queue })).toBe(5);
    await ackAll(await receive(consumer, 5));
  }
});
