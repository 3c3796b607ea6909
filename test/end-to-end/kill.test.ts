import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import { openDatabase } from '../../src/sqlite/driver.js';
import { Project } from './project.js';
import { seeded } from './random.js';

/** How long workers are killed for, one every second. */
const SECONDS = Number(process.env['KILL_SECONDS'] ?? 60);
const PREFETCH = 200;

let project: Project;
afterEach(() => project.dispose());

test(`SIGKILL of a random worker every second for ${SECONDS} s under load: nothing is lost`, {
  timeout: (SECONDS + 120) * 1000,
}, async () => {
  const { seed, random } = seeded();
  project = new Project(
    `@ThrunEventListener('load')
     export class Load {
       async handle(_: unknown, context: EventContext) {
         await new Promise((resolve) => setTimeout(resolve, 2));
         ledger(context);
       }
     }`,
    `{ group: 'e2e', worker: { concurrency: 20, prefetch: ${PREFETCH}, visibilityTimeout: '2s', maxCrashes: 20 } }`,
  );
  const worker = project.start('work', '--processes', '4');
  const thrun = await project.publisher();

  const confirmed = new Set<string>();
  const attempted = new Set<string>();
  let kills = 0;
  let n = 0;
  const end = Date.now() + SECONDS * 1000;
  const killer = setInterval(() => {
    const pids = worker.workers();
    const victim = pids[Math.floor(random() * pids.length)];
    if (victim === undefined) return;
    process.kill(victim, 'SIGKILL');
    kills++;
  }, 1000);
  while (Date.now() < end) {
    const inputs = Array.from({ length: 20 }, () => ({ event: 'load', payload: { n: n++ }, id: `${seed}-${n}` }));
    for (const { id } of inputs) attempted.add(id);
    for (const id of await thrun.events(inputs)) confirmed.add(id);
    // The pace of the load: some two thousand events a second.
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  clearInterval(killer);

  await project.until('every confirmed event is handled', (handled) => {
    const seen = new Set(handled.map(({ id }) => id));
    return [...confirmed].every((id) => seen.has(id));
  });
  worker.kill('SIGTERM');
  expect((await worker.exit).code).toBe(0);

  const handled = project.handled();
  const times = new Map<string, number>();
  for (const { id } of handled) times.set(id, (times.get(id) ?? 0) + 1);
  const again = [...times].filter(([, count]) => count > 1).map(([id]) => id);
  const receivedAgain = new Set(handled.filter(({ attempt }) => attempt > 1).map(({ id }) => id));
  console.log(
    `seed ${seed}: ${confirmed.size} confirmed, ${times.size} handled, ${again.length} of them more than once, ` +
      `${kills} processes killed, ${new Set(handled.map(({ pid }) => pid)).size} processes worked`,
  );

  expect(kills).toBeGreaterThanOrEqual(Math.floor(SECONDS * 0.9));
  expect([...confirmed].filter((id) => !times.has(id))).toEqual([]);
  expect([...times.keys()].filter((id) => !attempted.has(id))).toEqual([]);
  // Twice only what a killed process held, and each of those says that it comes again.
  expect(again.filter((id) => !receivedAgain.has(id))).toEqual([]);
  expect(again.length).toBeLessThanOrEqual(kills * PREFETCH);

  const transport = await thrun.transport();
  expect(await transport.deadLetters?.count({})).toBe(0);
  expect(await transport.queues?.stats()).toMatchObject([{ depth: 0, inFlight: 0, delayed: 0, dead: 0 }]);
  await thrun.close();
  const database = await openDatabase(project.database);
  expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  database.close();
  expect(leftOver(worker.pid)).toEqual([]);
});

function leftOver(parent: number): string[] {
  try {
    return execFileSync('pgrep', ['-P', String(parent)], { encoding: 'utf8' })
      .trim()
      .split('\n');
  } catch {
    return [];
  }
}
