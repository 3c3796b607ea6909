import { CloudEvent, HTTP } from 'cloudevents';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ownRedis } from './own-redis.js';
import { Shop } from './shop.js';

const LISTENERS = `import { GiveUp, ThrunEventListener } from 'thrun';

@ThrunEventListener('payment.done')
export class PaymentDone {
  handle(payload: unknown, context: { event: string }) { console.log('handled', context.event, JSON.stringify(payload)); }
}

@ThrunEventListener(['order_created', 'payment.refused'])
export class Till {
  handle(payload: { refuse?: boolean }, context: { event: string }) {
    if (payload.refuse) throw new GiveUp('no ' + context.event);
    console.log('handled', context.event);
  }
}

@ThrunEventListener('*', { queue: 'audit' })
export class Audit {
  handle(_: unknown, context: { event: string }) { console.log('audited', context.event); }
}
`;

const { redis, client } = await ownRedis();
let shop: Shop;

beforeEach(() => {
  shop = new Shop({
    'listeners/all.ts': LISTENERS,
    'thrun.config.json': JSON.stringify({
      transports: { redis: { url: redis.url, timeout: '3s' } },
      routes: [
        { match: 'payment.*', transport: 'redis-list', queue: 'payments' },
        { match: 'go_*', transport: 'redis-streams', queue: 'go', format: 'cloudevents', consume: false },
      ],
    }),
  });
});
afterEach(() => shop.dispose());

describe('thrun publish', () => {
  test('follows the routes, and says where it went', async () => {
    expect(await shop.json(['publish', 'payment.done', '{"n":1}'])).toMatchObject({
      transport: 'redis-list',
      queue: 'payments',
    });
    expect(JSON.parse((await client.lindex('payments', 0)) ?? '')).toMatchObject({ event: 'payment.done' });
    expect(await shop.json(['publish', 'payment.done', '--queue', 'mine', '--transport', 'sqlite'])).toMatchObject({
      transport: 'sqlite',
      queue: 'mine',
    });
    expect(await shop.json(['publish', 'order_created'])).toMatchObject({ transport: 'sqlite', queue: 'events' });
  });

  test('writes CloudEvents where the route says so, and where the command line does', async () => {
    await shop.json(['discover']);
    const { code, stderr } = await shop.run(['publish', 'go_mail', '{"id":12345678901234567890}', '--key', 'k']);
    // The manifest knows nobody for it, and nobody here is meant to hear of it.
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [[, fields] = ['', []]] = await client.xrange('go', '-', '+');
    const body = fields[1] ?? '';
    expect(body).toContain('"data":{"id":12345678901234567890}');
    const event = HTTP.toEvent({ headers: { 'content-type': 'application/cloudevents+json' }, body });
    expect((event as CloudEvent).validate()).toBe(true);
    expect(event).toMatchObject({ type: 'go_mail', partitionkey: 'k' });
    await shop.json(['publish', 'order_created', '{}', '--format', 'cloudevents']);
    expect(await shop.received()).toEqual([expect.stringMatching(/^\{"specversion":"1.0",.*"type":"order_created"/)]);
  });

  test('--ndjson: each line goes where its event goes, as it is', async () => {
    const lines = ['{"event":"order_created"}', '{ "event":"payment.done", "payload":1.10 }', '{"event":"go_mail"}'];
    expect(await shop.json(['publish', '--ndjson'], { input: lines.join('\n') })).toMatchObject({
      published: 3,
      queues: ['events', 'payments', 'go'],
      transports: ['sqlite', 'redis-list', 'redis-streams'],
    });
    expect(await client.lrange('payments', 0, -1)).toEqual([lines[1]]);
    expect((await client.xrange('go', '-', '+'))[0]?.[1]).toEqual(['envelope', lines[2]]);
    expect(await shop.run(['publish', '--ndjson', '--format', 'cloudevents'], { input: '' })).toMatchObject({
      code: 2,
    });
  });
});

describe('thrun work', () => {
  test('consumes what its listeners need from every transport, and nothing that is another program’s', async () => {
    await shop.json(['discover']);
    await client.lpush('payments', '{"event":"payment.done","payload":{"from":"php"}}');
    await shop.json(['publish', 'order_created']);
    await shop.json(['publish', 'go_mail']);
    const { code, stdout, stderr } = await shop.run(['work', '--stop-when-empty', '--stats', '--json']);
    expect(code).toBe(0);
    expect(stderr).toContain('transports sqlite (events, audit), redis-list (payments, audit) · group shop');
    for (const said of [
      'handled payment.done {"from":"php"}',
      'handled order_created',
      'audited payment.done',
      'audited order_created',
    ]) {
      expect(stderr).toContain(said);
    }
    expect(stderr).not.toContain('go_mail');
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
      kind: 'summary',
      succeeded: 4,
      dead: 0,
    });
    expect(await client.xlen('go')).toBe(1);
  });

  test('--transport and --queue transport:queue restrict it', async () => {
    await shop.json(['publish', 'payment.done']);
    await shop.json(['publish', 'order_created']);
    const only = await shop.run(['work', '--stop-when-empty', '--transport', 'redis-list']);
    expect(only.stderr).toContain('handled payment.done');
    expect(only.stderr).not.toContain('handled order_created');
    await shop.json(['publish', 'payment.done']);
    const one = await shop.run(['work', '--stop-when-empty', '--queue', 'redis-list:payments']);
    expect(one.stderr).toContain('transport redis-list · group shop · queue payments');
    expect(one.stderr).toContain('handled payment.done');
    expect(one.stderr).not.toContain('handled order_created');
  });

  test('--limit holds over all of them', async () => {
    for (let i = 0; i < 3; i++) {
      await shop.json(['publish', 'payment.done']);
      await shop.json(['publish', 'order_created']);
    }
    const { code, stdout } = await shop.run(['work', '--limit', '4', '--json', '--queue', 'events,payments']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ received: 4 });
  });

  test('goes on with the others while one is away, says which, and consumes it when it is there', async () => {
    await redis.stop();
    await shop.json(['publish', 'order_created']);
    const worker = shop.start(['work']);
    await worker.says('handled order_created');
    await worker.says('"transport":"redis-list"');
    await redis.start();
    await client.lpush('payments', '{"event":"payment.done","payload":{}}');
    await worker.says('handled payment.done');
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });
});

test('thrun health tells of the one that is away, the process stays, and all is well when it is back', async () => {
  const config = JSON.parse(shop.read('thrun.config.json')) as object;
  // A worker that stands still for longer is replaced, and rightly so.
  shop.write({ 'thrun.config.json': JSON.stringify({ ...config, worker: { silentAfter: '4s' } }) });
  const worker = shop.start(['work']);
  await worker.says('is ready');
  const healthy = async () => {
    const { code, stdout } = await shop.run(['health']);
    return `${code} ${stdout}`;
  };
  await vi.waitFor(async () => expect(await healthy()).toMatch(/^0 /), { timeout: 30_000 });
  await redis.kill();
  await vi.waitFor(
    async () => expect(await healthy()).toMatch(/^1 .*the transport redis-list has been away for \d+ ms/),
    { timeout: 30_000 },
  );
  await redis.start();
  await vi.waitFor(async () => expect(await healthy()).toMatch(/^0 /), { timeout: 30_000 });
  worker.kill('SIGTERM');
  const { code, stderr } = await worker.ended;
  expect({ code, starts: stderr.split('is ready').length - 1 }).toEqual({ code: 0, starts: 1 });
});

describe('what is there', () => {
  interface Letter {
    readonly id: string;
    readonly transport: string;
    readonly event: string;
  }

  test('queues: a row for each queue of each transport', async () => {
    await shop.json(['publish', 'payment.done']);
    await shop.json(['publish', 'order_created']);
    expect(await shop.json(['queues'])).toMatchObject([
      { transport: 'sqlite', queue: 'events', depth: 1 },
      { transport: 'redis-list', queue: 'payments', depth: 1 },
    ]);
    expect((await shop.run(['queues'])).stdout).toMatch(/^TRANSPORT +QUEUE +GROUP/);
    expect(await shop.json(['queues', '--transport', 'redis-list'])).toMatchObject([{ queue: 'payments' }]);
    expect(await shop.json(['queues', 'purge', 'payments', '--yes'])).toEqual({
      transport: 'redis-list',
      queue: 'payments',
      purged: 1,
    });
    await shop.json(['publish', 'x', '--transport', 'redis-list', '--queue', 'events']);
    expect(await shop.run(['queues', 'purge', 'events', '--yes'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Say which with --transport'),
    });
  });

  test('failed: the dead letters of each, by ids that say where they are', async () => {
    await shop.json(['publish', 'order_created', '{"refuse":true}']);
    await shop.json(['publish', 'payment.refused', '{"refuse":true}']);
    expect((await shop.run(['work', '--stop-when-empty'])).code).toBe(0);
    const letters = await shop.json<readonly Letter[]>(['failed']);
    expect(letters.map(({ transport, event }) => [transport, event]).sort()).toEqual([
      ['redis-list', 'payment.refused'],
      ['sqlite', 'order_created'],
    ]);
    for (const { id, transport } of letters) expect(id.startsWith(`${transport}:`)).toBe(true);
    const far = letters.find(({ transport }) => transport === 'redis-list');
    expect(await shop.json(['failed', 'show', far?.id ?? ''])).toMatchObject({ event: 'payment.refused' });
    // As it is called on its own transport.
    const own = (far?.id ?? '').slice('redis-list:'.length);
    expect(await shop.json(['failed', '--transport', 'redis-list'])).toMatchObject([{ id: own }]);
    // One that only one of them has needs no more than that.
    const near = letters.find(({ transport }) => transport === 'sqlite');
    expect(await shop.json(['failed', 'retry', (near?.id ?? '').slice('sqlite:'.length)])).toEqual({ retried: 1 });
    expect(await shop.json(['failed', 'forget', '--all', '--yes'])).toEqual({ forgotten: 1 });
    expect(await shop.json(['failed'])).toEqual([]);
  });

  test('one that is away is said, and the others are shown all the same', async () => {
    await shop.json(['publish', 'order_created']);
    await redis.stop();
    const { code, stdout, stderr } = await shop.run(['queues', '--json']);
    const doctor = await shop.run(['doctor', '--json']);
    await redis.start();
    expect({ code, rows: JSON.parse(stdout) as unknown }).toMatchObject({
      code: 1,
      rows: [{ transport: 'sqlite', queue: 'events' }],
    });
    expect(stderr).toContain('The transport redis-list cannot be reached');
    expect(doctor.code).toBe(1);
    const findings = JSON.parse(doctor.stdout) as readonly { check: string; status: string; detail: string }[];
    expect(findings.filter(({ check }) => check === 'transport').map(({ status }) => status)).toEqual([
      'ok',
      'fail',
      'fail',
    ]);
    expect(findings.find(({ check }) => check === 'backlog')?.detail).toBe('sqlite: nothing waits for long');
  });
});
