import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { createThrun } from '../../src/index.js';
import { sharedRabbitmq } from '../brokers/shared.js';
import { Project } from './project.js';
import { seeded } from './random.js';

/** How long workers are killed for, one every second. */
const SECONDS = Number(process.env.KILL_SECONDS ?? 20);
const PREFETCH = 200;

/** A project whose workers consume a queue of its own, and this process as its publisher. */
async function onRabbitmq(listeners: string, worker: object) {
  const transports = { rabbitmq: { url: await sharedRabbitmq() } };
  const config = { group: 'e2e', queue: `e2e-${randomUUID()}`, transport: 'rabbitmq', transports } as const;
  const project = new Project(listeners, JSON.stringify({ ...config, worker }));
  const thrun = await createThrun({ ...config, logLevel: 'silent' });
  onTestFinished(async () => {
    await thrun.close();
    await project.dispose();
  });
  const transport = await thrun.transport();
  return {
    project,
    thrun,
    letters: async () => (await transport.deadLetters?.list({}, 10)) ?? [],
    stats: async () => (await transport.queues?.stats()) ?? [],
  };
}

test(`SIGKILL of a random worker every second for ${SECONDS} s under load: nothing is lost`, {
  timeout: (SECONDS + 120) * 1000,
}, async () => {
  const { seed, random } = seeded();
  const { project, thrun, letters, stats } = await onRabbitmq(
    `@ThrunEventListener('load')
     export class Load {
       async handle(_: unknown, context: EventContext) {
         await new Promise((resolve) => setTimeout(resolve, 2));
         ledger(context);
       }
     }`,
    { concurrency: 20, prefetch: PREFETCH, maxCrashes: 20 },
  );
  const worker = project.start('work', '--processes', '4');
  const confirmed = new Set<string>();
  let [kills, n] = [0, 0];
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
    for (const id of await thrun.events(inputs)) confirmed.add(id);
    await new Promise((resolve) => setTimeout(resolve, 20));
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
    `seed ${seed}: ${confirmed.size} confirmed, ${times.size} handled, ${again.length} more than once, ${kills} killed`,
  );
  expect(kills).toBeGreaterThanOrEqual(Math.floor(SECONDS * 0.7));
  expect([...confirmed].filter((id) => !times.has(id))).toEqual([]);
  // Twice only what a killed process held, and each of those says that it comes again.
  expect(again.filter((id) => !receivedAgain.has(id))).toEqual([]);
  expect(again.length).toBeLessThanOrEqual(kills * PREFETCH);
  expect(await letters()).toEqual([]);
  expect(await stats()).toMatchObject([{ depth: 0, delayed: 0, dead: 0 }]);
});
