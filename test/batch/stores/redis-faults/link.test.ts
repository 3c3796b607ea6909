import { describe, expect, test } from 'vitest';
import {
  announced,
  another,
  apply,
  everything,
  insist,
  LEASE_MS,
  make,
  opened,
  proxied,
  steps,
  succeeded,
} from './stage.js';

describe('an answer that is lost', () => {
  test('a step was applied, and is not applied again; the lease came with it', async () => {
    const { proxy, store, redis } = await proxied();
    const { id, jobs } = await make(store, 3);
    await everything(store, id);
    const cut = proxy.cutAfter('"cut here');
    const settle = steps.settle(id, jobs[0] ?? '', succeeded('"cut here"'));
    const applied = apply(store, settle);
    await cut;
    // Another process is quicker than the one that has to find out.
    const other = opened({ url: redis.url });
    const begun = await apply(other, { ...steps.begin(id, jobs[1] ?? '', 'work'), relayUntil: undefined });
    expect(begun?.accepted).toBe(true);
    expect((await other.get(id))?.counts.running).toBe(1);
    const answer = await applied;
    expect(answer?.accepted).toBe(true);
    expect(answer?.batch.counts.succeeded).toBe(1);
    expect(announced(answer?.outbox ?? [], 'progress')).toHaveLength(1);
    expect(await store.takeOutbox(id, Date.now() + LEASE_MS, Date.now())).toEqual([]);
    expect(await store.get(id)).toMatchObject({ counts: { succeeded: 1, running: 1, queued: 1 } });
    expect(announced(await store.outbox(id), 'progress')).toHaveLength(1);
  });

  test('what comes next is not known, and is looked for before the next step', async () => {
    const { proxy, store } = await proxied();
    const { id, jobs } = await make(store, 2, false);
    await everything(store, id);
    const [first = ''] = jobs;
    await apply(store, steps.begin(id, first, 'work'));
    const cut = proxy.cutAfter('cut here');
    const added = apply(store, steps.add(id, first, 1, [another('cut here')], 1));
    await cut;
    expect((await added)?.accepted).toBe(true);
    expect((await apply(store, steps.settle(id, first, succeeded('1'))))?.accepted).toBe(true);
    expect((await store.get(id))?.counts).toMatchObject({ succeeded: 1, queued: 1, waiting: 1 });
  });

  test('jobs that begin are counted once', async () => {
    const { proxy, store } = await proxied();
    const { id, jobs } = await make(store, 2);
    const cut = proxy.cutAfter('"running":1');
    const applied = apply(store, steps.begin(id, jobs[0] ?? '', 'work'));
    await cut;
    expect((await applied)?.accepted).toBe(true);
    expect((await store.jobs(id, 0, 1))[0]).toMatchObject({ state: 'running', attempts: 1 });
  });

  test('a batch that was made is made once, and can be found', async () => {
    const { proxy, store } = await proxied();
    const cut = proxy.cutAfter('"faults"');
    const making = make(store, 5);
    await cut;
    const { id } = await making;
    expect((await store.get(id))?.counts.queued).toBe(5);
    expect((await store.list({}, 10)).map((batch) => batch.id)).toEqual([id]);
    expect((await store.outbox(id)).map(({ out }) => out.kind)).toEqual(['jobs']);
  });

  test('a relay keeps its lease', async () => {
    const { proxy, store } = await proxied();
    const { id } = await make(store, 1);
    const now = Date.now() + 2 * LEASE_MS;
    const until = now + 123_456;
    const taken = proxy.cutAfter(String(until));
    const taking = store.takeOutbox(id, until, now);
    await taken;
    const entries = await taking;
    expect(entries).toHaveLength(1);
    const extended = until + 1;
    const cut = proxy.cutAfter(String(extended));
    await store.apply([{ ...steps.begin(id, '', 'work'), relayUntil: undefined }]);
    await store.apply([{ ...steps.cancel(id), relayUntil: undefined }]);
    const crossing = store.sent(id, entries[0]?.seq ?? 0, until, extended);
    await cut;
    expect(announced(await crossing, 'finally')).toHaveLength(1);
  });

  test('a black hole is given up on, and found out of', async () => {
    // A process that stands still for longer takes an answer that is there for one that did not come.
    const { proxy, store } = await proxied({ timeoutMs: 2000 });
    const { id, jobs } = await make(store, 1);
    proxy.blackhole();
    const settle = steps.settle(id, jobs[0] ?? '', succeeded('1'));
    await expect(apply(store, settle)).rejects.toMatchObject({ code: 'THRUN_STORE_UNAVAILABLE' });
    proxy.pass();
    expect((await insist(() => apply(store, settle)))?.accepted).toBe(true);
  });
});
