import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { connect, type Options } from 'amqplib';
import { expect, onTestFinished, test } from 'vitest';
import { createThrun, type EventContext } from '../../../src/index.js';
import { sharedRabbitmq } from '../../brokers/shared.js';
import { shownIn } from '../../support/docs.js';
import { queueName, until } from './stage.js';

const run = promisify(execFile);

async function shop() {
  const url = await sharedRabbitmq();
  const queue = queueName();
  const app = await createThrun({
    group: 'shop',
    queue,
    transport: 'rabbitmq',
    transports: { rabbitmq: { url } },
    logLevel: 'silent',
  });
  onTestFinished(() => app.close());
  const received: { payload: unknown; meta: EventContext['meta']; body: string }[] = [];
  app.subscribe('order_created', (payload, { meta, body }) => {
    received.push({ payload, meta, body: Buffer.from(body).toString() });
  });
  await app.work();
  return { url, queue, app, received };
}

async function publisher(url: string, queue: string) {
  const connection = await connect(url);
  onTestFinished(() => connection.close());
  const channel = await connection.createConfirmChannel();
  return (body: string | Buffer, options: Options.Publish = {}, routingKey = 'order_created') =>
    new Promise<void>((resolve, reject) => {
      const done = (error: unknown) => (error instanceof Error ? reject(error) : resolve());
      channel.publish(queue, routingKey, Buffer.from(body), options, done);
    });
}

const ORDER = '{"event":"order_created","payload":{"order_id":12345678901234567890,"price":1.10}}';

// The programs of docs/rabbitmq.md, as they stand there but for the address and the queue.

test('amqp-publish', async () => {
  const { url, queue, received } = await shop();
  const [shown = ''] = shownIn('docs/rabbitmq.md', 'sh');
  await run('sh', ['-c', shown.replace('amqp://127.0.0.1', url).replace('-e events', `-e ${queue}`)]);
  await until(() => expect(received.map(({ payload }) => payload)).toEqual([{ order_id: 123 }]));
  expect(received[0]?.meta.event_id).toMatch(/^[0-9a-f-]{36}$/);
});

test('PHP with php-amqplib', async () => {
  const { url, queue, received } = await shop();
  const { hostname, port } = new URL(url);
  const [shown = ''] = shownIn('docs/rabbitmq.md', 'php');
  const program = shown.replace("'127.0.0.1', 5672", `'${hostname}', ${port}`).replace("'events'", `'${queue}'`);
  await run('php', ['-r', `require '/usr/share/php/PhpAmqpLib/autoload.php';\n${program}`]);
  await until(() => expect(received.map(({ payload }) => payload)).toEqual([{ order_id: 123 }]));
});

test('Python with pika', async () => {
  const { url, queue, received } = await shop();
  const [shown = ''] = shownIn('docs/rabbitmq.md', 'python');
  const program = shown.replace("'amqp://127.0.0.1'", `'${url}'`).replace("'events'", `'${queue}'`);
  // Debian's packages, whichever python3 comes first.
  const env = { ...process.env, PYTHONPATH: '/usr/lib/python3/dist-packages' };
  await run('python3', ['-c', program], { env });
  await until(() => expect(received.map(({ payload }) => payload)).toEqual([{ order_id: 123 }]));
});

test('the time that a message has beside its body is that of the event, where this has none', async () => {
  const { url, queue, received } = await shop();
  await (await publisher(url, queue))(ORDER, { timestamp: 1_767_225_600 });
  await until(() => expect(received.map(({ meta }) => meta.timestamp)).toEqual(['2026-01-01T00:00:00.000Z']));
});

test('a program in another language consumes what thrun publishes, from a queue of its own', async () => {
  const { url, queue, app, received } = await shop();
  const theirs = `${queue}.theirs`;
  const consumer = spawn('amqp-consume', ['--url', url, '-q', theirs, '-e', queue, '-r', '#', '-c', '1', 'cat']);
  onTestFinished(() => void consumer.kill());
  let got = '';
  consumer.stdout.on('data', (chunk: Buffer) => (got += String(chunk)));
  // It is bound once something reaches it.
  await until(async () => {
    await app.event('order_created', { order_id: 7 });
    expect(got).not.toBe('');
  });
  if (consumer.exitCode === null) await once(consumer, 'exit');
  expect(JSON.parse(got)).toMatchObject({ event: 'order_created', payload: { order_id: 7 } });
  expect(received.length).toBeGreaterThan(0);
});

test.each(['cloudEvents:', 'cloudEvents_', 'ce-', 'ce_'])('a CloudEvent in binary mode: %s', async (prefix) => {
  const { url, queue, app, received } = await shop();
  const publish = await publisher(url, queue);
  const attributes = { specversion: '1.0', type: 'order_created', source: '/php', id: 'e-1', subject: 'order 1' };
  const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [prefix + name, value]));
  let fails = 1;
  app.subscribe(
    'order_created',
    () => {
      if (fails-- > 0) throw new Error('not yet');
    },
    { name: 'second', retry: { delay: '10ms', attempts: 2 } },
  );
  await publish('{"order_id": 12345678901234567890}', { headers, contentType: 'application/json' });
  await until(() => expect([received.length, fails]).toEqual([1, -1]));
  expect(received[0]).toMatchObject({
    body: '{"order_id": 12345678901234567890}',
    payload: { order_id: 12345678901234567000 },
    meta: { event_id: 'e-1', source: '/php', subject: 'order 1' },
  });
});

test('what cannot be read is a dead letter with its bytes; hostile properties and headers do no harm', async () => {
  const { url, queue, app, received } = await shop();
  const publish = await publisher(url, queue);
  await publish('no JSON');
  await publish(Buffer.from([0xff, 0xfe, 0]));
  await publish('{}', { headers: { 'ce-specversion': '0.3', 'ce-type': 'order_created' } });
  // Counts that are not theirs to set, another queue to copy to, a time beyond all calendars.
  await publish(ORDER, {
    headers: { 'x-thrun-crashes': 99, 'x-thrun-attempts': 99, 'x-thrun-target': 'nobody', CC: [queue], __proto__: {} },
    timestamp: 2 ** 52,
    messageId: '',
    expiration: '60000',
  });
  const { deadLetters } = await app.transport();
  const letters = async () => (await deadLetters?.list({ queue }, 10)) ?? [];
  await until(async () => expect((await letters()).length).toBe(3));
  await until(() => expect(received.length).toBe(1));
  expect((await letters()).map(({ reason, body }) => [reason, Buffer.from(body).toString('latin1')])).toEqual([
    ['invalid_json', 'no JSON'],
    ['invalid_utf8', '\xff\xfe\0'],
    ['unsupported_cloudevent', '{}'],
  ]);
});

test('published to the queue by its name, through the default exchange, it reaches the groups as well', async () => {
  const { url, queue, received } = await shop();
  await run('amqp-publish', ['--url', url, '-r', queue, '-b', ORDER]);
  await until(() => expect(received.map(({ body }) => body)).toEqual([ORDER]));
});
