import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { SqliteStore } from '../../../src/batch/stores/sqlite/sqlite-store.js';
import { type StoreSubject, storeConformance } from '../../../src/testing/store-conformance/index.js';

async function create(): Promise<StoreSubject> {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-batches-'));
  const options = { path: join(folder, 'batches.db') };
  return {
    store: new SqliteStore(options),
    another: async () => new SqliteStore(options),
    destroy: () => rm(folder, { recursive: true, force: true }),
  };
}

storeConformance('sqlite', { describe, test, create });

storeConformance('sqlite in memory', {
  describe,
  test,
  shared: false,
  create: async () => ({ store: new SqliteStore({ path: ':memory:' }), destroy: async () => undefined }),
});
