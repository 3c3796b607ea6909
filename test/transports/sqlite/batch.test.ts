import { expect, test } from 'vitest';
import type { Delivery } from '../../../src/contracts/delivery.js';
import type { TransportNotice } from '../../../src/contracts/transport.js';
import { ackAll, message, numbered, receive, textsOf } from '../../../src/testing/conformance/receive.js';
import { consume, count, newPath, openTransport, raw } from './file.js';

const seen = ({ id, text, publishedAt, body }: Delivery) => ({ id, text, publishedAt, bytes: Buffer.from(body) });

test('what is taken out of a batch is each message’s own: id, time, bytes, and text where all of it is ASCII', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const consumer = await consume(transport);
  const file = await raw(path);
  const ascii = ['{"event":"a"}', '', 'two\nlines\0', '\x7f'];
  await transport.publish(
    'events',
    ascii.map((text) => message(text)),
  );
  file.exec('UPDATE message SET published_at = id % 100');
  const first = await receive(consumer, ascii.length);
  expect(first.map(({ text }) => text)).toEqual(ascii);
  expect(textsOf(first)).toEqual(ascii);
  expect(new Set(first.map(({ id }) => id)).size).toBe(ascii.length);
  const times = first.map(({ publishedAt }) => publishedAt ?? Number.NaN);
  expect(times).toEqual(times.map((_, i) => (times[0] ?? Number.NaN) + i));

  // Half a character each: side by side they would be a whole one.
  const bytes = [Uint8Array.of(0xc3), Uint8Array.of(0xa4), Buffer.from('ä'), Buffer.from('a')];
  await transport.publish(
    'events',
    bytes.map((body) => message(body)),
  );
  const second = (await receive(consumer, bytes.length)).map(seen);
  expect(second.map(({ bytes: body }) => body)).toEqual(bytes.map((body) => Buffer.from(body)));
  expect(second.map(({ text }) => text)).toEqual([undefined, undefined, undefined, undefined]);
});

test('a log with gaps: every message keeps its id, and each ack is its own', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const file = await raw(path);
  await transport.publish('events', numbered(40));
  file.exec('DELETE FROM message WHERE id % 3 = 0');
  const ids = (file.prepare('SELECT id FROM message ORDER BY id').all() as { id: number }[]).map(({ id }) => id);
  const consumer = await consume(transport);
  const batch = await receive(consumer, ids.length);
  expect(batch.map(({ id }) => Number(id.split(':').at(-1)))).toEqual(ids);
  await ackAll(batch.filter((_, i) => i % 2 === 0));
  await consumer.close();
  const again = await receive(await consume(transport), batch.filter((_, i) => i % 2 === 1).length);
  expect(textsOf(again).sort()).toEqual(textsOf(batch.filter((_, i) => i % 2 === 1)).sort());
});

test('a range that was lost is told of for each message whose settlement is not in the file, and for no other', async () => {
  const path = await newPath();
  const transport = await openTransport(path);
  const lost: string[] = [];
  const onNotice = (notice: TransportNotice) => void (notice.kind === 'lease_lost' && lost.push(notice.id));
  const consumer = await consume(transport, { onNotice });
  await transport.publish('events', numbered(6));
  const batch = await receive(consumer, 6);
  await ackAll(batch.slice(0, 2));
  (await raw(path)).exec('DELETE FROM lease');
  await Promise.all([batch[2]?.ack(), batch[3]?.release()]);
  expect(lost.sort()).toEqual(
    batch
      .slice(2)
      .map(({ id }) => id)
      .sort(),
  );
  expect(count(await raw(path), 'parcel')).toBe(0);
});
