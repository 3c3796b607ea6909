import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Surroundings, explain } from '../../src/batch/explain.js';
import type { QueueStats } from '../../src/contracts/transport.js';
import { type TestThrun, testThrun } from '../../src/testing/test-thrun.js';

/** What is said of one job in a queue, by what is known of that queue. With the CLI and real processes: test/cli/batch.test.ts. */
let open: TestThrun;
beforeEach(async () => {
  open = await testThrun();
});
afterEach(() => open.close());

const row = (fields: Partial<QueueStats>): Surroundings['stats'][number] => ({
  queue: 'pictures',
  transport: 'sqlite',
  group: 'shop',
  depth: 0,
  inFlight: 0,
  delayed: 0,
  dead: 0,
  oldestAgeMs: undefined,
  nextRetryMs: undefined,
  ...fields,
});

async function explained(id: string, around: Partial<Surroundings> = {}): Promise<string> {
  const surroundings: Surroundings = {
    now: open.clock.now() + 90_000,
    stats: [],
    addressOf: () => ({ transport: 'sqlite', queue: 'events' }),
    isUnheard: () => false,
    consumed: undefined,
    ...around,
  };
  return (await explain(await open.thrun.batches(), id, surroundings)).join('\n');
}

const oneJob = () => open.thrun.batch([{ event: 'resize', queue: 'pictures' }]).dispatch();

describe('a job that was sent and has not begun', () => {
  const consumed = new Set(['events']);
  test.each<[string, Partial<Surroundings>, string]>([
    [
      'no group ever consumed',
      { stats: [row({ group: '', depth: 1 })] },
      'no group has ever consumed pictures on sqlite',
    ],
    [
      'no worker here consumes',
      { stats: [row({ depth: 1 })], consumed },
      'no "thrun work" of this project on this machine',
    ],
    [
      'not even known to the transport',
      { consumed },
      'no "thrun work" of this project on this machine consumes pictures',
    ],
  ])('nobody consumes its queue: %s', async (_what, around, text) => {
    const said = await explained(await oneJob(), around);
    expect(said).toContain(
      'was sent to queue pictures of sqlite 1.5m ago and has not begun. Nobody consumes this queue: ',
    );
    expect(said).toContain(text);
    expect(said).toContain('thrun work --queue pictures');
  });

  test.each<[string, Partial<Surroundings>, string]>([
    [
      'a worker here does',
      { stats: [row({ depth: 3 })], consumed: new Set(['pictures']) },
      '3 messages wait in that queue',
    ],
    [
      'somebody has messages of it',
      { stats: [row({ depth: 1, inFlight: 2 })], consumed },
      '1 message waits in that queue',
    ],
    ['it is empty: somebody took it', { stats: [row({})], consumed }, 'The queue is empty'],
    ['nothing is known', {}, 'What that queue holds is not known here.'],
  ])('somebody may consume its queue: %s', async (_what, around, text) => {
    const said = await explained(await oneJob(), around);
    expect(said).not.toContain('Nobody consumes');
    expect(said).toContain(text);
  });

  test('without a handler that is known, that is said too', async () => {
    expect(await explained(await oneJob(), { isUnheard: (event) => event === 'resize' })).toContain(
      'The manifest knows no handler for it.',
    );
  });

  test('the queue is the one the manifest says, where the job names none', async () => {
    const id = await open.thrun.batch([{ event: 'send_mail' }]).dispatch();
    expect(await explained(id, { addressOf: () => ({ transport: 'redis-list', queue: 'mail' }) })).toContain(
      'was sent to queue mail of redis-list',
    );
  });
});

test('a job whose message is not sent yet is not looked for in its queue', async () => {
  const id = await oneJob();
  const batches = await open.thrun.batches();
  const unsent = { seq: 1, at: open.clock.now(), out: { kind: 'jobs', from: 0, to: 0, stage: 0, run: 1 } } as const;
  vi.spyOn(batches.store, 'outbox').mockResolvedValue([unsent]);
  const lines = (await explained(id)).split('\n');
  expect(lines.slice(1)).toEqual([
    expect.stringMatching(/^1 message of it could not be sent yet, the oldest for 1\.5m\./),
    expect.stringMatching(/^resize \(job [\da-f-]+\) is among what could not be sent yet\.$/),
  ]);
});

test('of many jobs twenty are told of, and what waits is counted', async () => {
  const stage = Array.from({ length: 23 }, () => ({ event: 'resize' }));
  const lines = (await explained(await open.thrun.batch([stage, { event: 'a' }, { event: 'b' }]).dispatch())).split(
    '\n',
  );
  expect(lines).toHaveLength(23);
  expect(lines.slice(-2)).toEqual([
    '3 more of its jobs are queued or running.',
    '2 jobs of later stages wait for these.',
  ]);
});

test('how it ended, and why', async () => {
  const id = await oneJob();
  const batches = await open.thrun.batches();
  const [job] = await batches.jobs(id);
  await open.thrun.event('thrun.job.failed', { batch_id: id, job_id: job?.id, error: { message: 'no such picture' } });
  await open.settle();
  expect(await explained(id)).toBe(`Batch ${id} has ended 1.5m ago: failed because resize failed: no such picture.`);
});

test('a nested batch is explained within; one whose turn has not come says so', async () => {
  const inner = open.thrun.batch([{ event: 'resize' }]).name('inner');
  const id = await open.thrun
    .batch([{ event: 'a' }, inner])
    .name('outer')
    .dispatch();
  const batches = await open.thrun.batches();
  const [first, nested] = await batches.jobs(id);
  expect(await explained(nested?.child ?? '')).toContain(`its turn in batch ${id} has not come`);
  await open.thrun.event('thrun.job.succeeded', { batch_id: id, job_id: first?.id });
  await open.settle();
  expect(await explained(id)).toMatch(
    /^Batch outer .* is running\.\nIt waits for the nested batch inner \(.*\):\n {2}Batch inner .* is running\.\n {2}resize \(job /,
  );
});
