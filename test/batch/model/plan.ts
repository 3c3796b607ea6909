import * as fc from 'fast-check';
import { expect } from 'vitest';
import type { BatchDefinition, MemberDefinition } from '../../../src/batch/definition.js';
import type { BatchRecord, JobRecord } from '../../../src/contracts/batch-store.js';
import type { Ending, Process, World } from './world.js';

/** A batch, and how each of its jobs will end. So it is known beforehand how the batch has to end. */
export interface Plan {
  readonly stages: readonly (readonly Member[])[];
  readonly allowFailures: boolean;
}

type Member = { readonly ends: Ending } | Plan;

export function arrange(stages: Plan['stages'], allowFailures = false): Plan {
  return { stages, allowFailures };
}

const ends = fc.record({
  ends: fc.oneof(
    { weight: 6, arbitrary: fc.constant<Ending>('succeed') },
    { weight: 1, arbitrary: fc.constant<Ending>('fail') },
    { weight: 2, arbitrary: fc.constant<Ending>('flaky') },
  ),
});

const planOf = (member: fc.Arbitrary<Member>): fc.Arbitrary<Plan> =>
  fc.record({
    stages: fc.array(fc.array(member, { minLength: 1, maxLength: 3 }), { maxLength: 3 }),
    allowFailures: fc.boolean(),
  });

export const plan: fc.Arbitrary<Plan> = planOf(
  fc.oneof({ weight: 8, arbitrary: ends }, { weight: 1, arbitrary: planOf(ends) }),
);

// oxlint-disable-next-line unicorn/no-thenable -- it names the moment
const EVENTS = { then: 'b.then', catch: 'b.catch', finally: 'b.finally', progress: 'b.progress' };
const LEASE_MS = 31_000;
const MAKER_MS = 61_000;
const MOST_ROUNDS = 400;

/** Somebody steps in after so many rounds: cancels it, or retries it once it has failed. */
export interface Interference {
  readonly what: 'cancel' | 'retry';
  readonly after: number;
}

export const interference: fc.Arbitrary<Interference | undefined> = fc.option(
  fc.record({ what: fc.constantFrom('cancel' as const, 'retry' as const), after: fc.nat({ max: 8 }) }),
  { nil: undefined },
);

/** Makes the batch and works until nothing moves any more. Its id, where it was made whole. */
export async function runToEnd(world: World, one: Plan, stepIn?: Interference): Promise<string | undefined> {
  let processes: Process[] = [world.process(), world.process()];
  const alive = () => (processes = processes.map((each) => (each.dead ? world.process() : each)));
  const definition = definitionOf(one);
  let id = await processes[0]?.create(definition);
  // Whoever made it may have died with it half made, or with nobody told its id.
  const { store } = world;
  if (id === undefined) id = (await store.list({ since: world.begin }, 1))[0]?.id;
  let quiet = 0;
  for (let round = 0; quiet < 3 || world.ready.length > 0; round++) {
    if (round > MOST_ROUNDS) throw new Error('it goes on for ever');
    alive();
    if (stepIn?.after === round && id !== undefined) await processes[0]?.decide(id, stepIn.what);
    alive();
    const ready = world.ready.slice(0, 3);
    const deaths = world.deaths;
    await Promise.all(ready.map(async (message, i) => processes[i % processes.length]?.handle(message)));
    alive();
    if (ready.length > 0) quiet = 0;
    if (ready.length > 0 && round % 5 > 0) continue;
    world.now += ready.length > 0 ? LEASE_MS : MAKER_MS;
    await processes[round % processes.length]?.sweep();
    quiet = ready.length > 0 || world.deaths > deaths ? 0 : quiet + 1;
  }
  return id;
}

function definitionOf({ stages, allowFailures }: Plan): BatchDefinition {
  return {
    name: 'planned',
    parallel: false,
    allowFailures,
    events: EVENTS,
    stages: stages.map((members) => members.map(memberOf)),
  };
}

function memberOf(member: Member): MemberDefinition {
  if ('stages' in member) return { kind: 'batch', batch: definitionOf(member) };
  return { kind: 'job', event: 'work', payload: JSON.stringify(member), queue: undefined, key: undefined };
}

/** It is over, each job counted once, and it has said what it had to say. */
export async function isAsPlanned(world: World, id: string, one: Plan): Promise<void> {
  const { store } = world;
  const batch = await store.get(id);
  if (!batch) return;
  const jobs = await store.jobs(id, 0, 1000);
  expect(batch.finishedAt, 'it hangs').toBeDefined();
  expect(await store.outbox(id)).toEqual([]);
  const tally: Record<string, number> = {};
  for (const { state } of jobs) tally[state] = (tally[state] ?? 0) + 1;
  for (const [state, count] of Object.entries(batch.counts)) expect(count, state).toBe(tally[state] ?? 0);
  if (batch.sealed && batch.status !== 'cancelled') endedAs(one, batch, jobs);
  for (let run = 1; run <= batch.run; run++) saidWhatItHadTo(world, batch, jobs, run);
  handedOn(world, jobs);
  let at = 0;
  for (const stage of one.stages) {
    for (const member of stage) {
      const child = jobs[at++]?.child;
      if ('stages' in member && child !== undefined) await isAsPlanned(world, child, member);
    }
  }
}

function endedAs(one: Plan, batch: BatchRecord, jobs: readonly JobRecord[]): void {
  expect(batch.status).toBe(succeeds(one) ? 'succeeded' : 'failed');
  let at = 0;
  let failed = false;
  for (const stage of one.stages) {
    const states = stage.map((member) => [succeeds(member), jobs[at++]?.state, member] as const);
    for (const [good, state, member] of states) {
      if (failed && !one.allowFailures) expect(state).toBe('skipped');
      // Beside one that fails a job may be skipped before it has begun, and one that fails is not tried again.
      else if (states.every(([other]) => other) || one.allowFailures) expect(state).toBe(good ? 'succeeded' : 'failed');
      else expect(['skipped', good ? 'succeeded' : 'failed', ...(isFlaky(member) ? ['failed'] : [])]).toContain(state);
    }
    failed ||= states.some(([good]) => !good);
  }
}

function isFlaky(member: Member): boolean {
  return 'ends' in member && member.ends === 'flaky';
}

function succeeds(member: Member): boolean {
  if ('stages' in member) return member.stages.every((stage) => stage.every(succeeds));
  return member.ends !== 'fail';
}

/** A run that was retried has failed; how the last one ended is in the record. */
function saidWhatItHadTo(world: World, batch: BatchRecord, jobs: readonly JobRecord[], run: number): void {
  const said = world.heard(batch.id).filter(({ payload }) => payload['run'] === run);
  const status = run < batch.run ? 'failed' : batch.status;
  const counts = (kind: string) => said.filter(({ event }) => event === `b.${kind}`).length;
  const ran = jobs.filter(({ state }) => state === 'succeeded' || state === 'failed').length;
  // A job that ran while its batch was cancelled is cancelled too, if it failed; earlier runs have their own progress.
  if (batch.run === 1 && status !== 'cancelled') expect(counts('progress'), 'progress').toBe(ran);
  expect(counts('then'), 'then').toBe(status === 'succeeded' ? 1 : 0);
  if (status === 'cancelled') expect(counts('catch'), 'catch').toBe(batch.counts.failed > 0 ? 1 : 0);
  else expect(counts('catch'), 'catch').toBe(status === 'failed' ? 1 : 0);
  expect(counts('finally'), 'finally').toBe(1);
  expect(said.at(-1)?.event).toBe('b.finally');
  const completed = said.map(({ payload }) => Number(payload['completed']));
  expect(completed).toEqual([...completed].sort((a, b) => a - b));
}

/** Each run was handed what the stage before it returned. */
function handedOn(world: World, jobs: readonly JobRecord[]): void {
  for (const { job, previous } of world.runs) {
    const own = jobs.find(({ id }) => id === job);
    if (!own || own.stage === 0) continue;
    const before = jobs.filter(({ stage }) => stage === own.stage - 1);
    const results = before.map(({ id, state, child }) => (state === 'succeeded' && !child ? { did: id } : null));
    const expected = results.length === 1 ? (results[0] ?? undefined) : results.some(Boolean) ? results : undefined;
    expect(previous).toEqual(expected);
  }
}
