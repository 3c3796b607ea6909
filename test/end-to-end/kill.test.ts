import { afterEach, expect, test, vi } from 'vitest';
import type { ThrunConfig } from '../../src/index.js';
import { openDatabase } from '../../src/sqlite/driver.js';
import type { Broker } from '../brokers/broker.js';
import { startKafka } from '../brokers/kafka.js';
import { startRabbitmq } from '../brokers/rabbitmq.js';
import { startRedis } from '../brokers/redis.js';
import { commitsOf } from '../transports/kafka/commits.js';
import { inFlightAt, type Kill, runsOf, unexplained } from './kill-ledger.js';
import { Project } from './project.js';
import { seeded } from '../support/random.js';

/** How long workers are killed for, one every second: on the embedded transport, and on each of the others. */
const SECONDS = Number(process.env['KILL_SECONDS'] ?? 60);
const BROKER_SECONDS = Math.min(SECONDS, 20);
const EVERY_MS = 1000;
/** So many wait at all times: every worker is busy, and holds as much as it may. */
const BACKLOG = 500;
/** The same kills on a machine that stands still now and then: they take it so much longer at the most. */
const SLOWER_MS = 60_000;

let project: Project;
let broker: Broker | undefined;
afterEach(async () => {
  await project.dispose();
  await broker?.dispose();
  broker = undefined;
});

/** Where the events go: what a config says of it, and what must not have been seen there meanwhile. */
interface Place {
  readonly config: ThrunConfig;
  readonly problems?: () => Promise<readonly string[]>;
}

const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  sqlite: async () => ({ config: {} }),
  'redis-list': () => overRedis('redis-list'),
  'redis-streams': () => overRedis('redis-streams'),
  rabbitmq: overRabbitmq,
  kafka: overKafka,
};

async function overRedis(transport: 'redis-list' | 'redis-streams'): Promise<Place> {
  const { url } = (broker = await startRedis());
  return { config: { transport, transports: { redis: { url } } } };
}

async function overRabbitmq(): Promise<Place> {
  const { url } = (broker = await startRabbitmq());
  return { config: { transport: 'rabbitmq', transports: { rabbitmq: { url } } } };
}

async function overKafka(): Promise<Place> {
  const { url } = (broker = await startKafka());
  return {
    config: { transport: 'kafka', transports: { kafka: { brokers: url } } },
    problems: async () => (await commitsOf([url], 'events')).backwards,
  };
}

test.each(Object.entries(PLACES))(
  '%s: SIGKILL of a random worker again and again under full load: nothing is lost',
  async (name, place) => {
    const { seed, random } = seeded();
    const seconds = name === 'sqlite' ? SECONDS : BROKER_SECONDS;
    const { config, problems = async () => [] } = await place();
    project = new Project(
      `@ThrunEventListener('load')
       export class Load {
         async handle(_: unknown, context: EventContext) {
           ledger(context, { step: 'begin' });
           await new Promise((resolve) => setTimeout(resolve, 20 + Math.random() * 60));
           ledger(context, { step: 'end' });
         }
       }`,
      JSON.stringify({
        group: 'e2e',
        worker: { concurrency: 20, visibilityTimeout: '3s', maxCrashes: 20 },
        ...config,
      }),
      { broker: config },
    );
    const worker = project.start('work', '--processes', '4');
    const thrun = await project.publisher();
    const transport = await thrun.transport();
    const depth = async () => (await transport.queues?.stats())?.[0]?.depth ?? 0;

    const confirmed = new Set<string>();
    const attempted = new Set<string>();
    const kills = new Map<number, Kill>();
    let n = 0;
    // One at each beat, but for the start, when nobody has worked yet.
    const wanted = Math.floor((seconds * 1000 - 3000) / EVERY_MS);
    const end = Date.now() + seconds * 1000 + SLOWER_MS;
    const killer = setInterval(() => {
      // One that is at work: the others have nothing to lose.
      const pids = worker.workers().filter((pid) => project.isRunning(pid) && !kills.has(pid));
      const victim = pids[Math.floor(random() * pids.length)];
      if (victim === undefined) return;
      kills.set(victim, { pid: victim, at: Date.now() });
      process.kill(victim, 'SIGKILL');
    }, EVERY_MS);
    while (kills.size < wanted && Date.now() < end) {
      const inputs = Array.from({ length: 100 }, () => ({ event: 'load', payload: { n: n++ }, id: `${seed}-${n}` }));
      for (const { id } of inputs) attempted.add(id);
      for (const id of await thrun.events(inputs)) confirmed.add(id);
      await vi.waitFor(async () => expect(await depth()).toBeLessThan(BACKLOG), { interval: 10, timeout: 60_000 });
    }
    clearInterval(killer);

    const ended = () => new Set(project.handled().flatMap(({ id, step }) => (step === 'end' ? [id] : [])));
    const missing = () => {
      const ids = ended();
      return [...confirmed].filter((id) => !ids.has(id));
    };
    // The first thing to know, and more than a broker tells that does not count what is in flight.
    await vi.waitFor(() => expect(missing()).toEqual([]), { interval: 250, timeout: 60_000 });
    const empty = { depth: 0, inFlight: 0, delayed: 0, dead: 0 };
    await vi.waitFor(async () => expect(await transport.queues?.stats()).toMatchObject([empty]), {
      interval: 100,
      timeout: 60_000,
    });
    worker.kill('SIGTERM');
    expect((await worker.ended).code, worker.stderr).toBe(0);

    const lines = project.handled();
    const runs = runsOf(lines);
    const hits = [...kills.values()].map((kill) => inFlightAt(kill, runs.values()));
    const redelivered = [...runs].filter(([, list]) => list.some(({ attempt }) => attempt > 1));
    const again = [...runs].filter(([, list]) => list.length > 1);
    const twice = again.filter(([, list]) => list.filter((run) => run.end !== undefined).length > 1);
    console.log(
      `${name}, seed ${seed}: ${confirmed.size} confirmed, ${ended().size} handled by ${new Set(lines.map(({ pid }) => pid)).size} processes; ` +
        `${kills.size} killed, each with ${Math.min(...hits)} to ${Math.max(...hits)} running; ` +
        `${redelivered.length} redelivered, ${again.length} of them begun before, ${twice.length} of those to their end`,
    );

    expect(kills.size).toBeGreaterThanOrEqual(wanted);
    expect([...runs.keys()].filter((id) => !attempted.has(id))).toEqual([]);
    // The test is one only where kills hurt: they hit something (what ran may end in the moment before: one in twenty may
    // be spared), and what they hit came again.
    expect(hits.filter((running) => running > 0).length).toBeGreaterThanOrEqual(hits.length * 0.95);
    expect(redelivered.length).toBeGreaterThanOrEqual(kills.size);
    // Twice only what a killed process held.
    expect(again.flatMap(([, list]) => unexplained(list, kills) ?? [])).toEqual([]);

    expect(await problems()).toEqual([]);
    expect(await transport.deadLetters?.count({})).toBe(0);
    await thrun.close();
    if (name === 'sqlite') {
      const database = await openDatabase(project.database);
      expect(database.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
      database.close();
    }
    expect(worker.children()).toEqual([]);
  },
  (SECONDS + 240) * 1000,
);
