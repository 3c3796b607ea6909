import { afterEach, beforeEach, expect, test } from 'vitest';
import { Shop } from './shop.js';

let shop: Shop;
beforeEach(() => {
  shop = new Shop();
});
afterEach(() => shop.dispose());

test('a row for each queue and group', async () => {
  await shop.json(['publish', 'a']);
  await shop.json(['publish', 'b', '--delay', '1h']);
  await shop.json(['publish', 'c', '--queue', 'mail']);
  const row = { transport: 'sqlite', in_flight: 0, dead: 0, oldest_age_ms: expect.any(Number) };
  expect(await shop.json(['queues'])).toEqual([
    { queue: 'events', group: '', depth: 1, delayed: 1, ...row },
    { queue: 'mail', group: '', depth: 1, delayed: 0, ...row },
  ]);
  const { stdout } = await shop.run(['queues']);
  expect(stdout).toMatch(
    /^QUEUE +GROUP +DEPTH +IN FLIGHT +DELAYED +DEAD +OLDEST\nevents +\(no group yet\) +1 +0 +1 +0 +[\d.]+m?s\n/,
  );
});

test('none at all is said, and is an empty list', async () => {
  expect(await shop.json(['queues'])).toEqual([]);
  expect(await shop.run(['queues'])).toMatchObject({
    code: 0,
    stdout: '',
    stderr: expect.stringContaining('no queues on sqlite yet'),
  });
});

test('names of others are escaped', async () => {
  await shop.deliver('{}', 'a\u202eb');
  expect((await shop.run(['queues'])).stdout).toContain('a\\u{202e}b');
});

test('purge: deletes what waits, after a yes', async () => {
  await shop.json(['publish', 'a']);
  await shop.json(['publish', 'b', '--delay', '1h']);
  const refused = await shop.run(['queues', 'purge', 'events']);
  expect(refused).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--yes') });
  const no = await shop.run(['queues', 'purge', 'events'], { input: 'no\n' });
  expect(no).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Nothing was changed') });
  expect(await shop.json(['queues'])).toMatchObject([{ depth: 1, delayed: 1 }]);
  expect(await shop.json(['queues', 'purge', 'events', '--yes'])).toEqual({
    transport: 'sqlite',
    queue: 'events',
    purged: 2,
  });
  await shop.json(['publish', 'a']);
  // What writes to it need not close it.
  const running = shop.start(['queues', 'purge', 'events', '--json']);
  running.child.stdin?.write('y\n');
  expect(JSON.parse((await running.ended).stdout)).toEqual({
    transport: 'sqlite',
    queue: 'events',
    purged: 1,
  });
  expect(await shop.json(['queues'])).toMatchObject([{ depth: 0, delayed: 0 }]);
});

test('purge: a queue there is none of is 1, with the nearest name', async () => {
  await shop.json(['publish', 'a']);
  expect(await shop.run(['queues', 'purge', 'event', '--yes'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Did you mean events?'),
  });
});

test('a transport object cannot be reached from another process, and one without abilities says so', async () => {
  shop.write({
    'thrun.config.js': `export default {
  transport: {
    name: 'own', traits: { multiProcess: true }, open() {}, publish() {}, consume() {}, close() {},
  },
};`,
  });
  expect(await shop.run(['queues'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('own cannot tell what its queues hold'),
  });
  expect(await shop.run(['failed', '--transport', 'own'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('own cannot show its dead letters'),
  });
});
