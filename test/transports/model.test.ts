import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { test } from 'vitest';
import { MemoryStore } from '../../src/transports/memory/memory-store.js';
import { MemoryTransport } from '../../src/transports/memory/memory-transport.js';
import { SqliteTransport } from '../../src/transports/sqlite/sqlite-transport.js';
import { operations } from './model/operations.js';
import { type Broker, Play } from './model/play.js';

const BROKERS: Readonly<Record<string, () => Broker>> = {
  memory() {
    const store = new MemoryStore();
    return { connect: (clock) => new MemoryTransport(store, clock), destroy: async () => undefined };
  },
  sqlite() {
    const folder = mkdtempSync(join(tmpdir(), 'thrun-model-'));
    // Power is not lost here, so nothing is gained by waiting for the disk.
    const options = { path: join(folder, 'thrun.db'), durability: 'normal' } as const;
    return {
      connect: (clock) => new SqliteTransport(options, clock),
      destroy: () => rm(folder, { recursive: true, force: true }),
    };
  },
};

// The seed of a failing run is printed with it; fc.assert(…, { seed, path }) plays it again.
test.each(Object.entries(BROKERS))(
  '%s: whatever happens, no message is lost, doubled or miscounted',
  async (_, broker) => {
    await fc.assert(
      fc.asyncProperty(operations, (sequence) => new Play(broker()).run(sequence)),
      { numRuns: 300 },
    );
  },
  240_000,
);
