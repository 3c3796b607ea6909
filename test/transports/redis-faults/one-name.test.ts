import { expect, test } from 'vitest';
import type { Transport } from '../../../src/contracts/transport.js';
import { message, receive } from '../../../src/testing/conformance/receive.js';
import { RedisListTransport } from '../../../src/transports/redis-list/redis-list-transport.js';
import { RedisStreamsTransport } from '../../../src/transports/redis-streams/redis-streams-transport.js';
import { client, consume, opened, server } from './stage.js';

/** A list and a stream of one name have the same keys beside them: what lies there belongs to what the name is now. */
async function bury(transport: Transport, queue: string): Promise<string> {
  const { consumer } = await consume(transport, { queue });
  await transport.publish(queue, [message('x')]);
  const [delivery] = await receive(consumer, 1);
  const why = { reason: 'gave_up', error: 'no use', attempts: 1, event: 'x', eventId: undefined } as const;
  await delivery?.handOver([{ kind: 'dead', target: undefined, ...why }]);
  await consumer.close();
  const [letter] = (await transport.deadLetters?.list({ queue }, 1)) ?? [];
  return letter?.id ?? '';
}

async function sees(transport: Transport, queue: string, id: string) {
  const letters = transport.deadLetters;
  return {
    listed: (await letters?.list({}, 10))?.some((letter) => letter.id === id),
    ofQueue: (await letters?.list({ queue }, 10))?.some((letter) => letter.id === id),
    found: (await letters?.get(id)) !== undefined,
    rows: (await transport.queues?.stats())?.some((row) => row.queue === queue),
  };
}

const ALL = { listed: true, ofQueue: true, found: true, rows: true };
const NOTHING = { listed: false, ofQueue: false, found: false, rows: false };

test('a dead letter is of the transport whose queue it died in, and of no other', async () => {
  const redis = await server();
  const [list, streams] = [new RedisListTransport({ url: redis.url }), new RedisStreamsTransport({ url: redis.url })];
  await opened(list);
  await opened(streams);
  const [ofList, ofStream] = [await bury(list, 'mine'), await bury(streams, 'theirs')];
  expect(await sees(list, 'mine', ofList)).toEqual(ALL);
  expect(await sees(streams, 'mine', ofList)).toEqual(NOTHING);
  expect(await sees(streams, 'theirs', ofStream)).toEqual(ALL);
  expect(await sees(list, 'theirs', ofStream)).toEqual(NOTHING);
  expect([await list.deadLetters.forget([ofStream]), await streams.deadLetters.retry([ofList])]).toEqual([0, 0]);
});

test('what another program pushed first is told to whoever looks', async () => {
  const redis = await server();
  const list = await opened(new RedisListTransport({ url: redis.url, queues: ['events'] }));
  expect(await list.queues?.stats()).toEqual([]);
  await client(redis.url).lpush('events', '{"event":"a"}', '{"event":"b"}');
  expect(await list.queues?.stats()).toMatchObject([{ queue: 'events', group: '', depth: 2, inFlight: 0, dead: 0 }]);
  const streams = await opened(new RedisStreamsTransport({ url: redis.url, queues: ['events'] }));
  expect(await streams.queues?.stats(), 'a list, not a stream').toEqual([]);
});

test('a list that became a stream takes its dead letters along, and back', async () => {
  const redis = await server();
  const [list, streams] = [new RedisListTransport({ url: redis.url }), new RedisStreamsTransport({ url: redis.url })];
  await opened(list);
  await opened(streams);
  const id = await bury(list, 'events');
  const { consumer } = await consume(streams, { queue: 'events' });
  expect(await sees(list, 'events', id)).toEqual(NOTHING);
  expect(await sees(streams, 'events', id)).toEqual(ALL);
  await consumer.close();
  await client(redis.url).del('events');
  expect(await sees(streams, 'events', id), 'no key at all: an empty list').toEqual(NOTHING);
  expect(await sees(list, 'events', id)).toEqual(ALL);
});
