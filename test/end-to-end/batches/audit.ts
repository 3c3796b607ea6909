import { lifecycleId } from '../../../src/batch/ids.js';
import type { Batches, BatchRecord, JobRecord, LifecycleKind, LifecyclePayload } from '../../../src/index.js';
import { ALWAYS, type StepPayload } from './workload.js';

/** A lifecycle event that a listener was handed; the same one may come twice. */
export interface Heard {
  readonly id: string;
  readonly lifecycle: LifecycleKind;
  readonly batch: string;
  readonly payload: LifecyclePayload;
}

interface Audited {
  readonly batch: BatchRecord;
  readonly rows: readonly JobRecord[];
}

/** Everything that is wrong with the batches of this store and what was heard of them, in words. */
export async function audit(batches: Batches, heard: readonly Heard[]): Promise<readonly string[]> {
  const all = new Map<string, Audited>();
  for (const batch of await batches.list({ nested: true }, 1_000_000)) {
    all.set(batch.id, { batch, rows: await batches.jobs(batch.id) });
  }
  const heardOf = new Map<string, Heard[]>();
  for (const event of heard) {
    const before = heardOf.get(event.batch);
    if (before) before.push(event);
    else heardOf.set(event.batch, [event]);
  }
  const problems = [...heardOf.keys()].filter((id) => !all.has(id)).map((id) => `${id}: heard of, and not there`);
  for (const one of all.values()) {
    const { id, name, run, status } = one.batch;
    const found = [...rowProblems(one, all), ...eventProblems(one, all, heardOf.get(id) ?? [])];
    if ((await batches.store.outbox(id)).length > 0) found.push('its outbox is not empty');
    problems.push(...found.map((problem) => `${name ?? 'batch'} ${id} (run ${run}, ${status}): ${problem}`));
  }
  return problems;
}

/** Nested in a batch whose maker died before that one had this job: it is nobody's, and has never begun. */
function neverMade({ batch: { parent } }: Audited, all: ReadonlyMap<string, Audited>): boolean {
  return parent !== undefined && !all.get(parent.batchId)?.rows.some(({ id }) => id === parent.jobId);
}

function rowProblems(one: Audited, all: ReadonlyMap<string, Audited>): string[] {
  const { batch, rows } = one;
  if (neverMade(one, all)) return rows.every(({ state }) => state === 'waiting') ? [] : ['jobs of it ran'];
  if (batch.finishedAt === undefined) return [`it has not ended: ${JSON.stringify(batch.counts)}`];
  const problems: string[] = [];
  const tally: Record<string, number> = {
    waiting: 0,
    queued: 0,
    running: 0,
    succeeded: 0,
    failed: 0,
    cancelled: 0,
    skipped: 0,
  };
  for (const { state } of rows) tally[state] = (tally[state] ?? 0) + 1;
  if (JSON.stringify(tally) !== JSON.stringify(sorted(batch.counts))) {
    problems.push(`counts ${JSON.stringify(batch.counts)}, rows ${JSON.stringify(tally)}`);
  }
  for (const row of rows) problems.push(...rowProblem(row, one, all).map((problem) => `job ${row.index}: ${problem}`));
  return [...problems, ...endProblems(one)];
}

function rowProblem(
  { state, child, payload, attempts, error }: JobRecord,
  one: Audited,
  all: ReadonlyMap<string, Audited>,
): string[] {
  if (!['succeeded', 'failed', 'cancelled', 'skipped'].includes(state)) return [`it is ${state}`];
  if (child !== undefined) {
    const inner = all.get(child)?.batch.status;
    return (inner === 'succeeded') === (state === 'succeeded') ? [] : [`it is ${state}, its nested batch ${inner}`];
  }
  const { n, fails, healedBy, flaky, adds = 0 } = JSON.parse(payload) as StepPayload;
  const neverSucceeds = flaky === ALWAYS || (fails === true && healedBy === undefined);
  if (state === 'succeeded' && neverSucceeds) return ['it succeeded and cannot'];
  // An attempt that fails after the batch has: nobody tries that again.
  const wasLast = flaky !== undefined && !one.batch.allowFailures;
  if (state === 'failed' && !neverSucceeds && !fails && !wasLast)
    return [`it failed at attempt ${attempts} and cannot: ${payload}: ${error}`];
  if (state === 'skipped' && one.batch.allowFailures && one.batch.sealed)
    return ['failures are allowed, and it was skipped'];
  if (state !== 'succeeded' || adds === 0) return [];
  const added = one.rows.filter((row) => (JSON.parse(row.payload) as StepPayload).addedBy === n).length;
  // It ran in a run that was failing already.
  const mayBeNone = one.batch.status !== 'succeeded' || one.batch.run > 1;
  return added === adds || (added === 0 && mayBeNone) ? [] : [`it added ${added} jobs instead of ${adds}`];
}

function mayFail({ child, payload }: JobRecord): boolean {
  const { fails, flaky } = JSON.parse(payload) as StepPayload;
  return child !== undefined || fails === true || flaky === ALWAYS;
}

/** How it ended follows from how its jobs did. */
function endProblems({ batch, rows }: Audited): string[] {
  const { status, counts, allowFailures, sealed, name } = batch;
  if (status === 'cancelled') return [];
  const isGood = rows.every(({ state }) => state === 'succeeded');
  if (isGood !== (status === 'succeeded')) return [`its jobs ended otherwise: ${JSON.stringify(counts)}`];
  if (name?.startsWith('heals') && status !== 'succeeded') return ['it was healed and retried'];
  if (isGood || !sealed) return [];
  if (!rows.some((row) => row.state === 'failed' && mayFail(row))) return ['nothing in it was the first to fail'];
  if (allowFailures) return [];
  const stage = Math.min(...rows.filter(({ state }) => state === 'failed').map((row) => row.stage));
  return rows
    .filter((row) => (row.stage < stage && row.state !== 'succeeded') || (row.stage > stage && row.state !== 'skipped'))
    .map((row) => `job ${row.index} of stage ${row.stage} is ${row.state}; stage ${stage} failed`);
}

/** What was heard is what the ends demand: nothing missing, nothing more, whatever was sent twice having the same id. */
function eventProblems(one: Audited, all: ReadonlyMap<string, Audited>, heard: readonly Heard[]): string[] {
  const { batch } = one;
  const distinct = [...new Map(heard.map((event) => [event.id, event])).values()];
  if (neverMade(one, all)) return distinct.length > 0 ? ['it was never made, and was heard of'] : [];
  const problems: string[] = [];
  let before = 0;
  for (let run = 1; run <= batch.run; run++) {
    const of = (kind: LifecycleKind) =>
      distinct.filter((event) => event.lifecycle === kind && event.payload.run === run);
    const wrong = (problem: string) => problems.push(`run ${run}: ${problem}`);
    const end = of('finally')[0]?.payload;
    if (!end || of('finally').length > 1) {
      wrong(`${of('finally').length} finally`);
      continue;
    }
    const once = (kind: 'then' | 'catch', due: boolean) => {
      const count = batch.events[kind] !== undefined && due ? 1 : 0;
      if (of(kind).length !== count) wrong(`${of(kind).length} ${kind} instead of ${count}`);
    };
    once('then', end.status === 'succeeded');
    once('catch', end.failed > 0 || !batch.sealed);
    const ran = end.succeeded - before + end.failed;
    before = end.succeeded;
    const most = ran + end.cancelled;
    const progress = of('progress');
    const expected = batch.events.progress === undefined ? [0, 0] : [ran, most];
    if (progress.length < (expected[0] ?? 0) || progress.length > (expected[1] ?? 0)) {
      wrong(`${progress.length} progress instead of ${expected.join(' to ')}`);
    }
    if (new Set(progress.map(({ payload }) => payload.completed)).size !== progress.length)
      wrong('a progress is told twice');
    for (const { id, lifecycle, payload } of distinct.filter((event) => event.payload.run === run)) {
      if (id !== lifecycleId({ id: batch.id, run }, lifecycle, payload.job?.job_id))
        wrong(`${lifecycle} has the id ${id}`);
    }
  }
  if (distinct.some(({ payload }) => payload.run < 1 || payload.run > batch.run)) problems.push('heard of another run');
  return problems;
}

const KINDS: readonly LifecycleKind[] = ['progress', 'catch', 'then', 'finally'];

/** Of events in the order they were sent: where, within a run of a batch, one came for the first time after a later one. */
export function orderProblems(sent: readonly Heard[]): readonly string[] {
  const problems: string[] = [];
  const last = new Map<string, { readonly rank: number; readonly event: Heard }>();
  const seen = new Set<string>();
  for (const event of sent) {
    if (seen.has(event.id)) continue;
    seen.add(event.id);
    const { batch, lifecycle, payload } = event;
    const rank = payload.completed * KINDS.length + KINDS.indexOf(lifecycle);
    const key = `${batch} run ${payload.run}`;
    const previous = last.get(key);
    if (previous && previous.rank >= rank) {
      problems.push(
        `${key}: ${lifecycle} at ${payload.completed} after ${previous.event.lifecycle} at ${previous.event.payload.completed}`,
      );
    }
    last.set(key, { rank, event });
  }
  return problems;
}

function sorted(counts: BatchRecord['counts']): object {
  const { waiting, queued, running, succeeded, failed, cancelled, skipped } = counts;
  return { waiting, queued, running, succeeded, failed, cancelled, skipped };
}
