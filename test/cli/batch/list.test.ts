import { describe, expect, test } from 'vitest';
import type { StatusDocument } from '../../../src/cli/batch/documents.js';
import { Shop } from '../shop.js';
import { LISTENERS } from './batch-shop.js';

describe('list', () => {
  test('newest first; filters; fields', async () => {
    const own = new Shop(LISTENERS);
    const ids: string[] = [];
    for (const name of ['a', 'b', 'a']) {
      const input = JSON.stringify({ name, jobs: [{ jobs: [{ event: 'resize' }] }] });
      ids.unshift((await own.json<{ batch_id: string }>(['batch', 'start', '-'], { input })).batch_id);
    }
    await own.run(['batch', 'cancel', ids[0] ?? '']);
    const found = async (...flags: string[]) =>
      (await own.json<{ batch_id: string }[]>(['batch', 'list', ...flags])).map(({ batch_id }) => batch_id);
    expect(await found()).toEqual(ids);
    expect(await found('--name', 'a')).toEqual([ids[0], ids[2]]);
    expect(await found('--status', 'cancelled')).toEqual([ids[0]]);
    expect(await found('--since', '2099-01-01T00:00:00Z')).toEqual([]);
    expect(await found('--since', '1h')).toHaveLength(3);
    expect(await found('--nested')).toHaveLength(6);
    const [first] = await own.json<object[]>(['batch', 'list', '--limit', '1']);
    expect(Object.keys(first ?? {})).toEqual([
      ...['batch_id', 'name', 'status', 'total', 'completed', 'percent', 'succeeded', 'failed', 'skipped', 'cancelled'],
      ...['created_at', 'finished_at'],
    ]);
    const { stdout, stderr } = await own.run(['batch', '--limit', '2']);
    expect(stdout.split('\n')[0]?.split(/\s{2,}/)).toEqual([
      'ID',
      'NAME',
      'STATUS',
      'DONE',
      'FAILED',
      'CREATED',
      'ENDED',
    ]);
    expect(stderr).toContain('The newest 2; --limit shows more.');
    expect((await own.shell('thrun batch | head -c 1; echo "${PIPESTATUS[0]}"')).stdout).toMatch(/0\n$/);
    await own.dispose();
  });
});

test('prune: by age and by how they ended', async () => {
  const own = new Shop(LISTENERS);
  const made = async () =>
    (await own.json<{ batch_id: string }>(['batch', 'start', '--job', 'create_payment={}'])).batch_id;
  const pruned = async (...flags: string[]) =>
    (await own.json<{ pruned: number }>(['batch', 'prune', '--yes', ...flags])).pruned;
  await made();
  await own.run(['work', '--stop-when-empty']);
  await own.run(['batch', 'cancel', await made()]);
  const running = await made();
  expect(await pruned(), 'nothing is old enough').toBe(0);
  expect(await pruned('--older-than', '0', '--status', 'cancelled')).toBe(1);
  const list = async () => own.json<StatusDocument[]>(['batch', 'list']);
  expect((await list()).map(({ status }) => status)).toEqual(['running', 'succeeded']);
  expect(await pruned('--older-than', '0')).toBe(1);
  expect(await list()).toMatchObject([{ batch_id: running }]);
  await own.dispose();
});
