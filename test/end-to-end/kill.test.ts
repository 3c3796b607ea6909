import { execFileSync } from 'node:child_process';
import { afterEach, expect, test } from 'vitest';
import type { ThrunConfig } from '../../src/index.js';
import { openDatabase } from '../../src/transports/sqlite/sqlite-driver.js';
import { type RedisServer, startRedis } from '../brokers/redis.js';
import { Project } from './project.js';
import { seeded } from './random.js';

/** How long workers are killed for, one every second. */
const SECONDS = Number(process.env['KILL_SECONDS'] ?? 60);
const PREFETCH = 200;

let project: Project;
let redis: RedisServer | undefined;
afterEach(async () => {
  await project.dispose();
  await redis?.dispose();
  redis = undefined;
});

/** Where the events go: what a config says of it. */
const BROKERS: Readonly<Record<string, () => Promise<ThrunConfig>>> = {
  sqlite: async () => ({}),
  'redis-list': async () => overRedis('redis-list'),
  'redis-streams': async () => overRedis('redis-streams'),
};

async function overRedis(transport: 'redis-list' | 'redis-streams'): Promise<ThrunConfig> {
  redis = await startRedis();
  return { transport, transports: { redis: { url: redis.url } } };
}

test.each(Object.entries(BROKERS))(
  `%s: SIGKILL of a random worker every second for ${SECONDS} s under load: nothing is lost`,
  async (name, start) => {
    const { seed, random } = seeded();
    const broker = await start();
    project = new Project(
      `@ThrunEventListener('load')
     export class Load {
       async handle(_: unknown, context: EventContext) {
         await new Promise((resolve) => setTimeout(resolve, 2));
         ledger(context);
       }
     }`,
      JSON.stringify({
        group: 'e2e',
        worker: { concurrency: 20, prefetch: PREFETCH, visibilityTimeout: '2s', maxCrashes: 20 },
        ...broker,
      }),
      broker,
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
    expect((await worker.exit).code, worker.stderr).toBe(0);

    const handled = project.handled();
    const times = new Map<string, number>();
    for (const { id } of handled) times.set(id, (times.get(id) ?? 0) + 1);
    const again = [...times].filter(([, count]) => count > 1).map(([id]) => id);
    const receivedAgain = new Set(handled.filter(({ attempt }) => attempt > 1).map(({ id }) => id));
    console.log(
      `${name}, seed ${seed}: ${confirmed.size} confirmed, ${times.size} handled, ${again.length} of them more than once, ` +
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
    if (name === 'sqlite') {
      const database = await openDatabase(project.database);
      expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
      database.close();
    }
    expect(leftOver(worker.pid)).toEqual([]);
  },
  (SECONDS + 120) * 1000,
);

function leftOver(parent: number): string[] {
  try {
    return execFileSync('pgrep', ['-P', String(parent)], { encoding: 'utf8' })
      .trim()
      .split('\n');
  } catch {
    return [];
  }
}
