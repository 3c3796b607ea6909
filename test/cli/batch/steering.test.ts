import { expect, test } from 'vitest';
import { until } from '../../transports/receiving.js';
import { Shop } from '../shop.js';
import { batchShop } from './batch-shop.js';

const { shop, started, statusOf, work } = batchShop();

test('cancel: what waits is cancelled, what runs is told; a second time it says so with 1', async () => {
  const id = await started('--job', 'slow={}', '--job', 'create_payment={}', '--finally', 'order.finished');
  const working = shop.start(['work']);
  await working.says('slow begins');
  const { code, stdout } = await shop.run(['batch', 'cancel', id]);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `Cancelled ${id}: 1 job will not run. 1 job still runs and is told to stop.\n`,
  });
  expect((await shop.run(['batch', 'status', id, '--watch'])).code).toBe(1);
  // Who watches does not wait for ever for the last event.
  await until(async () =>
    expect(await statusOf(id)).toMatchObject({ status: 'cancelled', cancelled: 2, lifecycle: [{ state: 'sent' }] }),
  );
  working.kill('SIGTERM');
  await working.ended;
  const again = await shop.run(['batch', 'cancel', id]);
  expect({ code: again.code, stderr: again.stderr }).toEqual({
    code: 1,
    stderr: expect.stringContaining('is cancelled already'),
  });
});

test('cancel works while the transport is away, and says what is still to be sent', async () => {
  const own = new Shop();
  const { batch_id: id } = await own.json<{ batch_id: string }>(['batch', 'start', '--job', 'a={}', '--finally', 'b']);
  const { code, stderr } = await own.run(['batch', 'cancel', id], { env: { THRUN_SQLITE_PATH: own.folder } });
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: expect.stringMatching(/^warning: the outbox .*cannot be reached/),
  });
  expect(await own.json(['batch', 'status', id])).toMatchObject({
    status: 'cancelled',
    lifecycle: [{ kind: 'finally', state: 'pending' }],
  });
  expect((await own.run(['batch', 'explain', id])).stdout).toContain('1 message of it could not be sent yet');
  await own.dispose();
});

test('retry: failed and skipped jobs run again, from the queues of their handlers', async () => {
  const id = await started('--job', 'create_payment={"fails":true}', '--job', 'send_mail={}');
  expect((await shop.run(['batch', 'retry', id])).stderr).toContain('only a failed batch can be retried');
  await work();
  expect((await statusOf(id)).status).toBe('failed');
  shop.write({ mended: '' });
  const unreachable = { env: { THRUN_SQLITE_PATH: shop.folder } };
  expect((await shop.run(['batch', 'retry', id], unreachable)).code).toBe(1);
  expect((await statusOf(id)).status).toBe('failed');
  expect((await shop.run(['batch', 'retry', id])).stdout).toBe(`Retrying ${id}, run 2: 2 jobs will run again.\n`);
  await work();
  expect(await statusOf(id)).toMatchObject({ status: 'succeeded', succeeded: 2 });
  expect((await shop.run(['batch', 'retry', id, '--json'])).code).toBe(1);
});
