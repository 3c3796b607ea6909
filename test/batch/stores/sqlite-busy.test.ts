import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { SqliteStore } from '../../../src/batch/stores/sqlite/sqlite-store.js';
import { openDatabase } from '../../../src/sqlite/driver.js';

test('a file that another process locks for too long: the error names the batch store, not a transport', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-batches-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'batches.db');
  const store = new SqliteStore({ path, busyMs: 100 });
  await store.open();
  onTestFinished(() => store.close());
  const other = await openDatabase(path);
  onTestFinished(() => other.close());
  other.exec('BEGIN IMMEDIATE');
  await expect(store.prune({ finishedBefore: Date.now() })).rejects.toMatchObject({
    code: 'THRUN_STORE_BUSY',
    message: 'The batch store sqlite was locked by another process for 100 ms. Nothing was written; try again.',
  });
  other.exec('ROLLBACK');
  expect(await store.prune({ finishedBefore: Date.now() })).toBe(0);
});
