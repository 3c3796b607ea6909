import { expect, onTestFinished, test } from 'vitest';
import { sharedRabbitmq } from '../brokers/shared.js';
import { queueName } from '../transports/rabbitmq/stage.js';
import { Shop } from './shop.js';

test('from a file to RabbitMQ and back: the bytes are the same at the end', async () => {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const shop = new Shop({ 'thrun.config.json': JSON.stringify({ queue, transports: { rabbitmq: { url } } }) });
  onTestFinished(() => shop.dispose());
  const lines = [
    '{ "event" : "paid", "payload": {"id":12345678901234567890,"amount":1.10}, "x": [1e2] }',
    '{"specversion":"1.0","type":"order","id":"1","source":"/s","data":1.0}',
    ...Array.from({ length: 700 }, (_, i) => `{"event":"e${i}"}`),
  ];
  await shop.json(['publish', '--ndjson'], { input: lines.join('\n') });
  const bridge = (from: string, to: string, ...more: string[]) =>
    shop.json(['bridge', '--from', from, '--to', to, '--stop-when-empty', ...more]);
  // The group has to be there before: RabbitMQ keeps nothing for groups that come later.
  expect(await bridge('rabbitmq', 'sqlite', '--to-queue', 'back')).toMatchObject({ moved: 0 });
  expect(await bridge('sqlite', 'rabbitmq')).toMatchObject({ moved: 702 });
  expect(await bridge('rabbitmq', 'sqlite', '--to-queue', 'back')).toMatchObject({ moved: 702, dead: 0 });
  expect([...(await shop.received('back'))].sort()).toEqual([...lines].sort());
});
