import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sharedKafka } from '../brokers/shared.js';
import { Shop } from './shop.js';

// What is the same on every transport with a history is in replay.test.ts; here is what Kafka says in its own words.

const LISTENERS = {
  'listeners/all.ts': `import { ThrunEventListener } from 'thrun';

@ThrunEventListener(['order_created', 'payment.*'])
export class All {
  handle(payload: { n: number }, context: { event: string; attempt: number }) {
    console.log('handled', context.event, payload.n, 'attempt', context.attempt);
  }
}
`,
};

const ALL = ['order_created 0', 'order_created 2', 'payment.done 1'].map((what) => `handled ${what} attempt 1`);

let brokers: string;
let queue: string;
let shops: Shop[];

beforeEach(async () => {
  brokers = await sharedKafka();
  queue = `replay-${randomUUID()}`;
  shops = [];
});
afterEach(() => Promise.all(shops.map((shop) => shop.dispose())));

function open(group: string): Shop {
  const config = { group, queue, transport: 'kafka', transports: { kafka: { brokers } } };
  const shop = new Shop({ ...LISTENERS, 'thrun.config.json': JSON.stringify(config) });
  shops.push(shop);
  return shop;
}

async function work(shop: Shop): Promise<readonly string[]> {
  const { code, stdout, stderr } = await shop.run(['work', '--stop-when-empty']);
  expect(code, stderr).toBe(0);
  return (stdout + stderr).match(/^handled .*$/gm)?.sort() ?? [];
}

async function published(shop: Shop): Promise<void> {
  for (const [n, event] of ['order_created', 'payment.done', 'order_created'].entries()) {
    await shop.json(['publish', event, JSON.stringify({ n })]);
  }
}

test('one group gets them again beside a running worker, another one, which came later, what it asks for', async () => {
  const [shop, other] = [open('shop'), open('other')];
  await published(shop);
  expect(await work(shop)).toEqual(ALL);
  expect(await work(other)).toEqual([]);
  const about = { transport: 'kafka', queue, listener: null };
  const working = shop.start(['work']);
  await working.says('is ready');
  expect(await shop.json(['replay', '--since', '1h', '--yes'])).toEqual({
    ...about,
    group: 'shop',
    events: 3,
    replayed: 3,
  });
  for (const line of ALL) await working.says(line);
  working.kill('SIGTERM');
  expect((await working.ended).code).toBe(0);
  expect(await work(other)).toEqual([]);
  expect(await other.json(['replay', '--since', '0', '--only', 'payment.*', '--yes'])).toMatchObject({
    ...about,
    group: 'other',
    replayed: 1,
  });
  expect(await work(other)).toEqual(['handled payment.done 1 attempt 1']);
  expect(await work(shop)).toEqual([]);
});

test('positions are offsets, and what is none is refused', async () => {
  const shop = open('shop');
  await published(shop);
  await work(shop);
  const events = async (since: string) =>
    (await shop.json<{ events: number }>(['replay', '--since', since, '--dry-run'])).events;
  expect(await events('0')).toBe(3);
  expect(await events('3')).toBe(0);
  expect(await shop.run(['replay', '--since', '1-2', '--dry-run'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('"1-2" is no offset'),
  });
  expect(await shop.run(['replay', '--since', '0', '--group', 'shpo', '--dry-run'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Did you mean shop?'),
  });
});
