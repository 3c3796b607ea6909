import { describe, expect, test } from 'vitest';
import { noCounts } from '../../src/observability/counters.js';
import { consumedQueues, type WorkerStatus } from '../../src/supervisor/status-file.js';
import { project } from '../support/project.js';

const NOW = Date.parse('2026-01-01T00:00:00Z');

/** Of a supervisor that is well: this process is one that surely runs. */
const well: WorkerStatus = {
  pid: process.pid,
  started_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
  counts: noCounts(),
  active: 0,
  held: 0,
  processes: 1,
  queues: ['events', 'mail'],
  ailing: [],
};

async function consumed(...all: readonly object[]): Promise<readonly string[]> {
  const files = all.map((status, at) => [`.thrun/workers/${at + 1}.json`, JSON.stringify(status)] as const);
  return [...consumedQueues(await project(Object.fromEntries(files)), NOW)].sort();
}

describe('which queues are consumed', () => {
  test('those of all that are well, each once', async () => {
    expect(await consumed(well, { ...well, queues: ['events', 'pictures'] })).toEqual(['events', 'mail', 'pictures']);
  });

  test.each<[string, object]>([
    ['one that is gone', { ...well, pid: 2 ** 22 + 1 }],
    ['one that has gone silent', { ...well, updated_at: '2025-12-31T23:59:00Z' }],
    ['one without a process', { ...well, processes: 0 }],
    ['one that does not consume', { ...well, ailing: [{ pid: 1, why: 'it hangs' }] }],
    ['one of an older version, which says nothing of queues', { ...well, queues: undefined }],
    ['what is no status', {}],
  ])('%s does not count', async (_what, status) => {
    expect(await consumed(status)).toEqual([]);
  });
});
