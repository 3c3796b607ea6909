import { describe, expect, test } from 'vitest';
import type { StatusDocument } from '../../../src/cli/batch/documents.js';
import { batchShop } from './batch-shop.js';

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const { explained, shop, started, statusOf, work } = batchShop();

describe('status', () => {
  test('--json: exactly the fields that are promised, before, during and after', async () => {
    const id = await started('order', '{"orderId":1}');
    const before = await statusOf(id);
    expect(before).toEqual({
      batch_id: id,
      name: 'order',
      status: 'running',
      total: 3,
      completed: 0,
      percent: 0,
      succeeded: 0,
      failed: 0,
      skipped: 0,
      cancelled: 0,
      created_at: expect.stringMatching(TIME),
      finished_at: null,
      jobs: [
        { job_id: expect.any(String), event: 'create_payment', status: 'queued', attempts: 0, error: null },
        { job_id: expect.any(String), event: 'send_mail', status: 'waiting', attempts: 0, error: null },
        { job_id: expect.any(String), event: 'create_payment', status: 'waiting', attempts: 0, error: null },
      ],
      lifecycle: [
        { kind: 'progress', event: 'order.progress', event_id: null, state: 'waiting' },
        { kind: 'then', event: 'order.success', event_id: null, state: 'waiting' },
        { kind: 'catch', event: 'order.failed', event_id: null, state: 'waiting' },
        { kind: 'finally', event: 'order.finished', event_id: null, state: 'waiting' },
      ],
    });
    expect(Object.keys(before)).toEqual([
      ...['batch_id', 'name', 'status', 'total', 'completed', 'percent', 'succeeded', 'failed', 'skipped', 'cancelled'],
      ...['created_at', 'finished_at', 'jobs', 'lifecycle'],
    ]);

    await work();
    const after = await statusOf(id);
    expect(after).toMatchObject({ status: 'succeeded', completed: 3, percent: 100, succeeded: 3 });
    expect(after.finished_at).toMatch(TIME);
    expect(after.jobs.map(({ status, attempts }) => `${status} ${attempts}`)).toEqual(Array(3).fill('succeeded 1'));
    expect(after.lifecycle.map(({ kind, state, event_id }) => `${kind} ${state} ${typeof event_id}`)).toEqual([
      'progress sent string',
      'then sent string',
      'catch never object',
      'finally sent string',
    ]);
  });

  test('of a failed batch: errors, what was skipped, what can never happen; text escapes what is foreign', async () => {
    const flags = ['--then', 'a', '--catch', 'b', '--finally', 'c'];
    const id = await started('--job', 'create_payment={"fails":true}', '--job', 'create_payment={}', ...flags);
    await work();
    const batch = await statusOf(id);
    expect(batch).toMatchObject({ name: null, status: 'failed', completed: 2, failed: 1, skipped: 1 });
    expect(batch.jobs).toMatchObject([
      { status: 'failed', attempts: 1, error: expect.stringContaining('declined') },
      { status: 'skipped', attempts: 0, error: null },
    ]);
    expect(batch.lifecycle.map(({ kind, state }) => `${kind} ${state}`)).toEqual([
      'then never',
      'catch sent',
      'finally sent',
    ]);
    const { stdout } = await shop.run(['batch', 'status', id]);
    expect(stdout).toContain('failed: 2 of 2 done (100%), 1 failed, 1 skipped');
    expect(stdout).toContain('card\\u{1b}[2J declined');
    expect(stdout).not.toContain('\u001b');
  });

  test('a nested batch: its row has the batch_id; a unique beginning of an id is enough', async () => {
    const input = '{"jobs":[{"jobs":[{"event":"create_payment"}],"name":"inner"}]}';
    const { batch_id } = await shop.json<{ batch_id: string }>(['batch', 'start', '-'], { input });
    const [job] = (await statusOf(batch_id)).jobs;
    expect(Object.keys(job ?? {})).toEqual(['job_id', 'event', 'status', 'attempts', 'error', 'batch_id']);
    expect(await statusOf(job?.batch_id?.slice(0, 13) ?? '')).toMatchObject({ name: 'inner', total: 1 });
    await started('order', '{"orderId":1}');
    const several = await shop.run(['batch', 'status', batch_id.slice(0, 1)]);
    expect({ code: several.code, stderr: several.stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/Several batches begin with 0: [\da-f-]+, .*Give more of the id\./),
    });
    await work();
    expect(await explained(batch_id)).toMatch(/^Batch [\da-f-]+ has ended .* ago: succeeded\.\n$/);
  });

  test('--watch ends with the batch: 0 when it ended well, 1 when not; a document for each change with --json', async () => {
    const id = await started('order', '{"orderId":1}');
    const watching = shop.start(['batch', 'status', id, '--watch']);
    const documents = shop.start(['batch', 'status', id, '--watch', '--json']);
    await Promise.all([watching.says('0 of 3'), documents.says('"completed":0')]);
    const working = shop.start(['work']);
    const ended = await watching.ended;
    expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining('succeeded: 3 of 3 done (100%)') });
    expect(ended.stderr).toContain('3 of 3 (100%)');
    expect(ended.stderr).not.toContain('\u001b');
    const { code, stdout, stderr } = await documents.ended;
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as StatusDocument);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.map(({ completed }) => completed)).toEqual(lines.map(({ completed }) => completed).sort());
    expect(lines.at(-1)?.lifecycle.map(({ state }) => state)).toEqual(['sent', 'sent', 'never', 'sent']);

    const bad = await started('--job', 'create_payment={"fails":true}');
    expect(await shop.run(['batch', 'status', bad, '--watch'])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining('failed: 1 of 1'),
    });
    working.kill('SIGTERM');
    await working.ended;
  });

  test('--watch: Ctrl-C ends the watching with 1, and the batch goes on; so does a reader that goes away', async () => {
    const id = await started('--job', 'create_payment={}');
    const watching = shop.start(['batch', 'status', id, '--watch']);
    await watching.says('0 of 1');
    watching.kill('SIGINT');
    expect(await watching.ended).toMatchObject({ code: 1, stderr: expect.stringContaining('the batch goes on') });
    const piped = shop.shell(`thrun batch status ${id} --watch --json | head -1 | wc -l`);
    await work();
    expect((await piped).stdout.trim()).toBe('1');
    expect((await statusOf(id)).status).toBe('succeeded');
  });
});
