import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LISTENERS, Shop } from './shop.js';

let shop: Shop;
beforeAll(async () => {
  shop = new Shop(LISTENERS);
  await shop.json(['discover']);
});
afterAll(() => shop.dispose());

interface Published {
  readonly event_id: string;
  readonly event: string;
  readonly queue: string;
  readonly transport: string;
}

/** The envelope this published, as text, from the queue it went to. */
async function envelope(args: readonly string[], input?: string | Uint8Array): Promise<string> {
  const queue = `q${crypto.randomUUID()}`;
  const options = input === undefined ? {} : { input };
  await shop.json<Published>(['publish', ...args, '--queue', queue], options);
  const [body = ''] = await shop.received(queue);
  return body;
}

test('prints the event id, and nothing else', async () => {
  const { code, stdout, stderr } = await shop.run(['publish', 'order_created', '{"order_id":123}']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}\n$/);
});

test('--json: event_id, event, queue, transport', async () => {
  expect(await shop.json<Published>(['publish', 'order_created', '--id', 'mine-1'])).toEqual({
    event_id: 'mine-1',
    event: 'order_created',
    queue: 'events',
    transport: 'sqlite',
  });
});

describe('the payload', () => {
  const numbers = '{ "big": 12345678901234567890, "price": 1.10, "e": 1e400, "minus": -0 }';

  test('from the argument, its numbers as they are written', async () => {
    expect(await envelope(['order_created', numbers])).toContain(`"payload":${numbers},"meta"`);
  });

  test('from a file, without its byte order mark and the newline at its end', async () => {
    shop.write({ 'payload.json': `\uFEFF${numbers}\r\n` });
    expect(await envelope(['order_created', '--file', 'payload.json'])).toContain(`"payload":${numbers},"meta"`);
  });

  test('from stdin', async () => {
    expect(await envelope(['order_created', '-'], `${numbers}\n`)).toContain(`"payload":${numbers},"meta"`);
    expect(await envelope(['order_created', '--file', '-'], 'null')).toContain('"payload":null,"meta"');
  });

  test('is {} when there is none', async () => {
    expect(await envelope(['order_created'])).toContain('"payload":{},"meta"');
  });
});

test('the flags become meta', async () => {
  const flags = [
    '--key',
    'k',
    '--id',
    'i',
    '--source',
    'php',
    '--at',
    '2030-01-01T01:00:00+01:00',
    '--expires-at',
    '2031-01-01T00:00:00Z',
  ];
  const queue = 'held';
  await shop.json(['publish', 'order_created', ...flags, '--queue', queue]);
  expect(await shop.json<readonly object[]>(['queues'])).toContainEqual(
    expect.objectContaining({ queue, depth: 0, delayed: 1 }),
  );

  const { meta } = JSON.parse(
    await envelope([
      'order_created',
      ...flags.filter((flag) => !/at$|^203/.test(flag)),
      '--expires-at',
      '2031-01-01T00:00:00Z',
    ]),
  ) as { meta: object };
  expect(meta).toMatchObject({ event_id: 'i', key: 'k', source: 'php', expires_at: '2031-01-01T00:00:00.000Z' });
});

test('--delay is held by the transport', async () => {
  await shop.json(['publish', 'order_created', '--delay', '1h', '--queue', 'later']);
  expect(await shop.json<readonly object[]>(['queues'])).toContainEqual(
    expect.objectContaining({ queue: 'later', depth: 0, delayed: 1 }),
  );
});

test('a job goes to the queue of its handler, unless one is named', async () => {
  expect((await shop.json<Published>(['publish', 'send_mail'])).queue).toBe('mail');
  expect((await shop.json<Published>(['publish', 'send_mail', '--queue', 'urgent'])).queue).toBe('urgent');
});

describe('nobody listens', () => {
  test('the nearest name is said on stderr; it is published all the same', async () => {
    const { code, stderr } = await shop.run(['publish', 'order_craeted']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('no listener for order_craeted (did you mean order_created?)'),
    });
  });

  test('a pattern is a listener, and without a manifest nothing is known', async () => {
    expect((await shop.run(['publish', 'payment.created'])).stderr).toBe('');
    const blank = new Shop();
    expect((await blank.run(['publish', 'whatever'])).stderr).toBe('');
    await blank.dispose();
  });

  test('a manifest that is broken keeps nobody from publishing', async () => {
    const broken = new Shop({ '.thrun/registry.json': '{' });
    const { code, stderr } = await broken.run(['publish', 'order_created']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('cannot be read') });
    await broken.dispose();
  });

  test('a transport that lives in this process alone is said', async () => {
    const { stderr } = await shop.run(['publish', 'order_created', '--transport', 'memory']);
    expect(stderr).toContain('nobody will receive this');
  });
});

test('a transport that cannot be reached: 1, with what and where', async () => {
  const { code, stdout, stderr } = await shop.run(['publish', 'order_created', '--json'], {
    env: { THRUN_SQLITE_PATH: shop.folder },
  });
  const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
  expect({ code, error: error.code }).toEqual({ code: 1, error: 'THRUN_TRANSPORT_UNAVAILABLE' });
  expect(stderr).toContain(shop.folder);
});
