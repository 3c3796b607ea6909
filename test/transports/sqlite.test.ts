import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { StallableClock, type Subject, transportConformance } from '../../src/testing/conformance/index.js';
import { SqliteTransport } from '../../src/transports/sqlite/sqlite-transport.js';

async function create(): Promise<Subject> {
  const folder = await mkdtemp(join(tmpdir(), 'thrun-sqlite-'));
  const options = { path: join(folder, 'thrun.db') };
  return {
    transport: new SqliteTransport(options),
    another: async () => new SqliteTransport(options),
    async stalling() {
      const clock = new StallableClock();
      return { transport: new SqliteTransport(options, clock), stall: () => clock.stall() };
    },
    destroy: () => rm(folder, { recursive: true, force: true }),
  };
}

const { traits } = new SqliteTransport({ path: ':nowhere:' });

transportConformance('sqlite', { describe, test, traits, with: ['burial'], create });

// The same again, three at a time: what is right only while nobody else is busy shows here.
describe.concurrent('many times at once', () => {
  for (const n of [1, 2, 3]) transportConformance(`sqlite ${n}`, { describe, test, traits, with: ['burial'], create });
});
