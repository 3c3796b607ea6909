import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { BatchBuilder } from '../../src/batch/builder.js';
import type { Batches } from '../../src/batch/batches.js';
import { lifecycleOf } from '../../src/batch/lifecycle-state.js';
import { type TestThrun, testThrun } from '../../src/testing/test-thrun.js';

/** What has become of each moment, of batches whose jobs run elsewhere and so end when a test says it. */
let open: TestThrun;
let batches: Batches;
beforeEach(async () => {
  open = await testThrun();
  batches = await open.thrun.batches();
});
afterEach(() => open.close());

const two = () => open.thrun.batch([[{ event: 'go' }, { event: 'php' }]]);

function send(builder: BatchBuilder): Promise<string> {
  return builder.progress('p').then('t').catch('c').finally('f').dispatch();
}

async function end(id: string, index: number, how: 'succeeded' | 'failed'): Promise<void> {
  const job = (await batches.jobs(id))[index];
  await open.thrun.event(`thrun.job.${how}`, { batch_id: id, job_id: job?.id, error: { message: 'no' } });
  await open.settle();
}

async function states(id: string): Promise<string> {
  const lifecycle = lifecycleOf(await batches.get(id), await batches.store.outbox(id));
  for (const { state, event_id } of lifecycle) expect(event_id === null).toBe(state === 'waiting' || state === 'never');
  return lifecycle.map(({ kind, state }) => `${kind} ${state}`).join(', ');
}

test('a batch that goes well', async () => {
  const id = await send(two());
  expect(await states(id)).toBe('progress waiting, then waiting, catch waiting, finally waiting');
  await end(id, 0, 'succeeded');
  expect(await states(id)).toBe('progress sent, then waiting, catch waiting, finally waiting');
  await end(id, 1, 'succeeded');
  expect(await states(id)).toBe('progress sent, then sent, catch never, finally sent');
});

test('after a failure that is allowed then can never happen, and the rest still may', async () => {
  const id = await send(two().allowFailures());
  await end(id, 0, 'failed');
  expect(await states(id)).toBe('progress sent, then never, catch sent, finally waiting');
});

test('a retry begins anew', async () => {
  const id = await send(two());
  await end(id, 0, 'failed');
  expect(await states(id)).toBe('progress sent, then never, catch sent, finally sent');
  await batches.retry(id);
  expect(await states(id)).toBe('progress waiting, then waiting, catch waiting, finally waiting');
});

test('cancelled, or without jobs, nothing ever progressed', async () => {
  const cancelled = await send(two());
  await batches.cancel(cancelled);
  const empty = await send(open.thrun.batch([]));
  await open.settle();
  expect(await states(cancelled)).toBe('progress never, then never, catch never, finally sent');
  expect(await states(empty)).toBe('progress never, then sent, catch never, finally sent');
});

test('what is written and not sent yet is pending; moments without an event are left out', async () => {
  const id = await open.thrun.batch([]).finally('f').then('t').dispatch();
  await open.settle();
  const [, last] = lifecycleOf(await batches.get(id), []);
  const out = {
    kind: 'event',
    lifecycle: 'finally',
    event: 'f',
    eventId: last?.event_id ?? '',
    payload: '{}',
  } as const;
  vi.spyOn(batches.store, 'outbox').mockResolvedValue([{ seq: 2, at: 0, out }]);
  expect(await states(id)).toBe('then sent, finally pending');
});
