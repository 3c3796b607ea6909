import { describe, expect, test } from 'vitest';
import { batchShop } from './batch-shop.js';

const ID = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}\n$/;

const { shop, started, statusOf, work } = batchShop();

describe('start', () => {
  test('a batch file: prints the id and nothing else; payloads leave as they are written', async () => {
    const payload = '{ "big": 12345678901234567890, "price": 1.10 }';
    shop.write({
      'order.json': `\uFEFF{"name":"from a file","jobs":[[{"event":"send_mail","payload":${payload},"queue":"php","key":"k"},
        {"jobs":[{"event":"create_payment"}],"name":"inner"}]],"then":"order.success","allow_failures":true}\r\n`,
    });
    const { code, stdout, stderr } = await shop.run(['batch', 'start', 'order.json']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: expect.stringMatching(ID), stderr: '' });
    const [body = ''] = await shop.received('php');
    expect(body).toContain(`"payload":${payload},"meta"`);
    const batch = await statusOf(stdout.trim());
    expect(JSON.parse(body)).toMatchObject({
      event: 'send_mail',
      meta: { key: 'k', batch_id: batch.batch_id, job_id: batch.jobs[0]?.job_id },
    });
    expect(batch).toMatchObject({
      name: 'from a file',
      total: 2,
      lifecycle: [{ kind: 'then', event: 'order.success' }],
    });
    await shop.run(['batch', 'cancel', batch.batch_id]);
  });

  test('a batch on stdin, with flags that go before what it says', async () => {
    const input = '{"name":"one","jobs":[{"event":"create_payment"},{"event":"create_payment"}],"then":"a"}';
    const flags = ['--name', 'two', '--then', 'b', '--parallel', '--progress', 'p', '--catch', 'c', '--finally', 'f'];
    const { batch_id } = await shop.json<{ batch_id: string }>(['batch', 'start', '-', ...flags], { input });
    const { name, jobs, lifecycle } = await statusOf(batch_id);
    expect({ name, states: jobs.map(({ status }) => status) }).toEqual({ name: 'two', states: ['queued', 'queued'] });
    expect(lifecycle.map(({ kind, event }) => `${kind} ${event}`)).toEqual([
      'progress p',
      'then b',
      'catch c',
      'finally f',
    ]);
    await shop.run(['batch', 'cancel', batch_id]);
  });

  test('a class that @ThrunBatch names, with its payload as an argument and on stdin', async () => {
    const id = await started('order', '{"orderId":7}');
    expect(await statusOf(id)).toMatchObject({ name: 'order', total: 3, status: 'running' });
    await shop.run(['batch', 'cancel', id]);
    const other = await shop.json<{ batch_id: string }>(['batch', 'start', 'order', '-'], { input: '{"orderId":8}\n' });
    await shop.run(['batch', 'cancel', other.batch_id]);
  });

  test('a name that the manifest knows goes before a file of that name', async () => {
    shop.write({ order: '{"name":"the file","jobs":[]}', plain: '{"name":"the file","jobs":[]}' });
    const id = await started('order', '{"orderId":9}');
    expect((await statusOf(id)).name).toBe('order');
    await shop.run(['batch', 'cancel', id]);
    expect((await statusOf(await started('plain'))).name).toBe('the file');
  });

  test('jobs on the command line; the queue of a job is that of its handler', async () => {
    const args = ['--job', 'create_payment={}', '--job', 'send_mail={"n":1.10}', '--parallel', '--allow-failures'];
    const id = await started(...args);
    expect((await statusOf(id)).jobs.map(({ event }) => event)).toEqual(['create_payment', 'send_mail']);
    const { stderr } = await work('--queue', 'mail');
    expect(stderr).toContain('"payload":{"n":1.10},"meta"');
    expect((await statusOf(id)).jobs.map(({ status }) => status)).toEqual(['queued', 'succeeded']);
    await shop.run(['batch', 'cancel', id]);
  });

  test('a name without a handler is said on stderr, with the nearest', async () => {
    const { code, stderr } = await shop.run(['batch', 'start', '--job', 'create_paymnt={}']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('no handler for create_paymnt (did you mean create_payment?)'),
    });
  });

  test('a transport that lives in this process alone is said', async () => {
    const { stderr } = await shop.run(['batch', 'start', '--job', 'create_payment={}', '--transport', 'memory']);
    expect(stderr).toContain('nobody will receive this');
  });

  test('a transport that cannot be reached: 1, and no batch is made', async () => {
    const before = await shop.json<readonly unknown[]>(['batch', 'list']);
    const env = { THRUN_SQLITE_PATH: shop.folder };
    const { code, stderr } = await shop.run(['batch', 'start', '--job', 'create_payment={}'], { env });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining(shop.folder) });
    expect(await shop.json(['batch', 'list'])).toHaveLength(before.length);
  });
});

describe('elsewhere', () => {
  test('discover shows batches; publishing the name of one says what it is', async () => {
    expect((await shop.run(['discover'])).stdout).toMatch(/^order +batch +OrderBatch +listeners\/order\.ts:\d+$/m);
    expect((await shop.run(['publish', 'order'])).stderr).toContain('order is a batch');
    expect((await shop.run(['publish', 'order'])).stderr).toContain('thrun batch start order');
  });

  test('doctor looks at the store where batches are used', async () => {
    const findings = await shop.json<{ check: string }[]>(['doctor']);
    expect(findings).toContainEqual(
      expect.objectContaining({
        check: 'batch store',
        status: 'ok',
        detail: expect.stringContaining('read and written'),
      }),
    );
  });
});
