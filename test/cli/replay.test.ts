import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ownRedis } from './own-redis.js';
import { Shop } from './shop.js';

const LISTENERS = {
  'listeners/all.ts': `import { ThrunEventListener } from 'thrun';

const say = (who: string) => (payload: unknown, context: { event: string; attempt: number }) =>
  console.log(who, context.event, JSON.stringify(payload), 'attempt', context.attempt);

@ThrunEventListener('order_created')
export class OrderCreated { handle = say('created'); }

@ThrunEventListener('payment.*')
export class PaymentAudit { handle = say('audited'); }

@ThrunEventListener('order_created', { queue: 'mail' })
export class Mailer { handle = say('mailed'); }
`,
};

// Many commands each, and a worker is started again and again.
vi.setConfig({ testTimeout: 60_000 });

const { redis, client } = await ownRedis();
let shop: Shop;
let shops: Shop[];

beforeEach(() => {
  shops = [];
  shop = open('shop');
});
afterEach(() => Promise.all(shops.map((one) => one.dispose())));

/** An application of its own on the same streams. */
function open(group: string, more: { readonly history?: string } = { history: '1h' }): Shop {
  const config = { group, transport: 'redis-streams', transports: { redis: { url: redis.url, ...more } } };
  const one = new Shop({ ...LISTENERS, 'thrun.config.json': JSON.stringify(config) });
  shops.push(one);
  return one;
}

/** What its listeners say until nothing is left to do, sorted. */
async function work(one = shop): Promise<readonly string[]> {
  const { code, stdout, stderr } = await one.run(['work', '--stop-when-empty']);
  expect(code, stderr).toBe(0);
  return [...(stdout + stderr).matchAll(/^(?:created|audited|mailed) .*$/gm)].map(([line]) => line).sort();
}

/** Three events; their places in the stream. */
async function publishThree(): Promise<readonly [string, string, string]> {
  const ids: string[] = [];
  for (const event of ['order_created', 'payment.done', 'order_created']) {
    const body = JSON.stringify({ event, payload: { n: ids.length } });
    ids.push((await client.xadd('events', '*', 'envelope', body)) ?? '');
  }
  return ids as [string, string, string];
}

const ALL = [
  'audited payment.done {"n":1} attempt 1',
  'created order_created {"n":0} attempt 1',
  'created order_created {"n":2} attempt 1',
  'mailed order_created {"n":0} attempt 1',
  'mailed order_created {"n":2} attempt 1',
];

test('a group gets them again, and no other does', async () => {
  const other = open('other');
  await publishThree();
  expect(await work()).toEqual(ALL);
  expect(await work(other)).toEqual([]);
  // It came later, so it never had them: these are past to it as well.
  await client.xadd('events', '*', 'envelope', '{"event":"order_created","payload":{"n":3}}');
  expect(await work(other)).toHaveLength(2);
  expect(await work()).toHaveLength(2);
  expect(await shop.json(['replay', '--since', '1h', '--until', '0ms', '--yes'])).toEqual({
    transport: 'redis-streams',
    queue: 'events',
    group: 'shop',
    listener: null,
    events: 4,
    replayed: 4,
  });
  const depths = (await shop.json<{ queue: string; group: string; depth: number }[]>(['queues']))
    .filter(({ queue }) => queue === 'events')
    .map(({ group, depth }) => `${group} ${depth}`);
  expect(depths).toEqual(['other 0', 'shop 4']);
  expect(await work(other)).toEqual([]);
  expect((await work()).filter((line) => !line.includes('"n":3'))).toEqual(ALL);
  expect(await work()).toEqual([]);
  const { stdout } = await shop.run(['replay', '--since', '0', '--group', 'other', '--only', 'payment.*', '--yes']);
  expect(stdout).toBe('Gave 1 event of events to the group other again.\n');
  expect(await work(other)).toEqual(['audited payment.done {"n":1} attempt 1']);
});

test('one listener gets what it listens to, from its own queue, and nobody else anything', async () => {
  await publishThree();
  await work();
  await shop.json(['discover']);
  expect(await shop.json(['replay', '--since', '0', '--listener', 'PaymentAudit', '--yes'])).toMatchObject({
    listener: 'PaymentAudit',
    replayed: 1,
  });
  expect(await work()).toEqual(['audited payment.done {"n":1} attempt 1']);
  expect(await shop.json(['replay', '--since', '0', '--listener', 'Mailer', '--yes'])).toMatchObject({ replayed: 2 });
  const { stderr } = await shop.run(['work', '--stop-when-empty', '--queue', 'events']);
  expect(stderr, 'it runs from its own queue alone').not.toContain('mailed');
  expect(await work()).toEqual(ALL.filter((line) => line.startsWith('mailed')));
});

test('what a listener listens to has to be known, and the listener too', async () => {
  await publishThree();
  await work();
  const replay = ['replay', '--since', '0', '--yes', '--listener'];
  expect(await shop.run([...replay, 'PaymentAudit'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('thrun discover'),
  });
  await shop.json(['discover']);
  expect(await shop.run([...replay, 'PaymentAudits'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('Did you mean PaymentAudit?'),
  });
  expect(await shop.run([...replay, 'PaymentAudit', '--group', 'other'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('--only'),
  });
  expect(await work()).toEqual([]);
});

test('it asks first, and says how many they are', async () => {
  const [first, , last] = await publishThree();
  await work();
  const times = [first, last].map((id) => new Date(Number(id.split('-')[0])).toISOString());
  const question = `Give 3 events of events to the group shop again, published from ${times[0]} to ${times[1]}?`;
  const silent = await shop.run(['replay', '--since', '0']);
  expect(silent).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(question) });
  expect(silent.stderr).toContain('--yes');
  const no = await shop.run(['replay', '--since', '0'], { input: 'no\n' });
  expect(no).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Nothing was changed') });
  expect(await shop.json(['replay', '--since', '0', '--dry-run'])).toEqual({
    transport: 'redis-streams',
    queue: 'events',
    group: 'shop',
    listener: null,
    events: 3,
    replayed: 0,
    first_at: times[0],
    last_at: times[1],
    oldest_at: times[0],
  });
  expect(await work()).toEqual([]);
  expect(await shop.run(['replay', '--since', '0'], { input: 'y\n' })).toMatchObject({
    code: 0,
    stdout: 'Gave 3 events of events to the group shop again.\n',
  });
  expect(await work()).toEqual(ALL);
});

test('from one place to another', async () => {
  const [, middle] = await publishThree();
  await work();
  const events = async (...range: string[]) =>
    (await shop.json<{ events: number }>(['replay', '--dry-run', ...range])).events;
  expect(await events('--since', middle)).toBe(2);
  expect(await events('--since', middle, '--until', middle)).toBe(1);
  expect(await events('--since', '0', '--until', middle)).toBe(2);
  expect(await events('--since', '0', '--only', 'order_*')).toBe(2);
  expect(await events('--since', '2026-01-01T00:00:00Z', '--until', '2026-01-01T01:00:00Z')).toBe(0);
  expect(await shop.run(['replay', '--since', '2026-01-01T00:00:00Z', '--until', '2026-01-01T01:00:00Z'])).toEqual({
    code: 0,
    stdout: 'There is nothing to replay.\n',
    stderr: '',
  });
});

test('what is not kept any more is said', async () => {
  const forgetful = open('shop', {});
  await publishThree();
  await work(forgetful);
  const nothing = await forgetful.run(['replay', '--since', '1h', '--yes']);
  expect(nothing).toMatchObject({ code: 0, stdout: 'Gave 0 events of events to the group shop again.\n' });
  expect(nothing.stderr).toContain(
    'keeps nothing of its past. Events leave a stream when every group is done with them',
  );
  expect(nothing.stderr).toContain('transports.redis.history');
  const id = await client.xadd('events', '*', 'envelope', '{"event":"order_created"}');
  await work();
  const rest = await shop.run(['replay', '--since', '1h', '--dry-run']);
  const oldest = new Date(Number(id?.split('-')[0])).toISOString();
  expect(rest.stdout).toContain('It would give 1 event');
  expect(rest.stderr).toContain(`before ${oldest} is not kept any more. Events stay in a stream for 1h`);
  expect((await shop.run(['replay', '--since', '0ms', '--dry-run'])).stderr, 'nothing of it is missing').toBe('');
});

test('what there is none of is said, with what there is', async () => {
  await publishThree();
  await work();
  const cases: [args: string[], code: number, text: string][] = [
    [
      ['--since', '0', '--group', 'shpo'],
      1,
      'There is no group shpo on the queue events of redis-streams. Did you mean shop?',
    ],
    [['--since', '0', '--queue', 'evnts'], 1, 'Nobody consumes a queue evnts on redis-streams'],
    [
      ['--since', '0', '--transport', 'redis-list'],
      1,
      'redis-list cannot hand out old events again: it keeps none. Use redis-streams',
    ],
    [['--since', '0', '--transport', 'sqlite'], 1, 'sqlite cannot hand out old events again'],
    [['--since', 'yesterday'], 2, 'Give a time (2026-01-01T12:00:00Z), how long ago (2h)'],
    [['--since', '99999999999999999999'], 2, '"99999999999999999999" is no id of an entry'],
    [['--since', '1h', '--until', '2h'], 2, '--since is later than --until'],
    [[], 2, "'--since <when>' not specified"],
  ];
  for (const [args, code, text] of cases) {
    expect(await shop.run(['replay', '--yes', ...args])).toMatchObject({ code, stderr: expect.stringContaining(text) });
  }
  expect(await work()).toEqual([]);
});

test('stopped half-way it says how far it came, and that stays', async () => {
  await publishThree();
  await work();
  const running = shop.start(['replay', '--since', '0', '--rate', '1', '--yes', '--json']);
  await vi.waitFor(async () => expect(await client.zcard('{events}:group:shop:due')).toBe(1), 10_000);
  running.kill('SIGINT');
  const { code, stdout } = await running.ended;
  expect(code).toBe(1);
  expect(JSON.parse(stdout)).toMatchObject({
    events: 1,
    replayed: 1,
    error: { message: expect.stringContaining('1 were handed over before that') },
  });
  expect(await work()).toEqual(ALL.filter((line) => line.includes('"n":0')));
});

test('a full Redis takes none, says so, and loses none', async () => {
  await publishThree();
  await work();
  await client.config('SET', 'maxmemory', '1mb');
  try {
    expect(await shop.run(['replay', '--since', '0', '--yes'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/OOM.*raise its maxmemory.* Nothing was handed over\./),
    });
  } finally {
    await client.config('SET', 'maxmemory', '0');
  }
  expect(await work()).toEqual([]);
  expect(await shop.json(['replay', '--since', '0', '--yes'])).toMatchObject({ replayed: 3 });
});
