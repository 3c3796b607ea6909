import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { jobInput } from '../../src/batch/job-message.js';
import type { Batches, BatchStatus, Thrun, ThrunConfig } from '../../src/index.js';
import { sharedKafka, sharedRabbitmq } from '../brokers/shared.js';
import { type RedisServer, startRedis } from '../brokers/redis.js';
import { audit, type Heard, orderProblems } from './batches/audit.js';
import { type ListeningIn, listenIn } from './batches/listen-in.js';
import { Plans } from './batches/plans.js';
import { CREATOR, LISTENERS } from './batches/workload.js';
import type { Command } from '../support/command.js';
import { Project } from './project.js';
import { seeded } from '../support/random.js';

/** How long worker processes are killed for, one every second. */
const SECONDS = Number(process.env['KILL_SECONDS'] ?? 15);
const RANDOM_BATCHES = Number(process.env['BATCHES'] ?? 300);
const LARGE = [1000, 1200, 1500];
const SMALL = 1000;
const CREATORS = 6;
/** Where what a dead worker held is somebody else's only after its session: a share of the load for the same kills. */
const FEWER: Readonly<Record<string, number>> = { 'kafka + redis': 0.3 };

let project: Project;
let sent: ListeningIn | undefined;
let meddling: ReturnType<typeof meddle> | undefined;
let redis: RedisServer | undefined;
afterEach(async () => {
  await meddling?.stop();
  await sent?.stop();
  await project.dispose();
  await redis?.dispose();
  redis = undefined;
});

/** Where messages and batches are, by the names of both. `start` gives a config that every process of the project can use. */
const PLACES: Readonly<Record<string, () => Promise<ThrunConfig>>> = {
  'sqlite + sqlite': async () => ({}),
  'sqlite + redis': async () => ({ batches: { store: 'redis', redis: { url: await redisUrl() } } }),
  'redis-list + redis': async () => ({ transport: 'redis-list', transports: { redis: { url: await redisUrl() } } }),
  'redis-streams + redis': async () => ({
    transport: 'redis-streams',
    transports: { redis: { url: await redisUrl() } },
  }),
  'rabbitmq + redis': async () => ({
    transport: 'rabbitmq',
    queue: `batches-${randomUUID()}`,
    transports: { rabbitmq: { url: await sharedRabbitmq() } },
    batches: { store: 'redis', redis: { url: await redisUrl() } },
  }),
  'kafka + redis': async () => ({
    transport: 'kafka',
    queue: `batches-${randomUUID()}`,
    transports: { kafka: { brokers: await sharedKafka() } },
    batches: { store: 'redis', redis: { url: await redisUrl() } },
  }),
};

describe.each(Object.keys(PLACES))('batches on %s', (place) => {
  test(`SIGKILL of a random worker every second for ${SECONDS} s, and of creators half-way: all end, all is counted and told once`, {
    timeout: (SECONDS + 300) * 1000,
  }, async () => {
    const { seed, random } = seeded();
    const share = FEWER[place] ?? 1;
    const where = await PLACES[place]?.();
    const config = {
      group: 'e2e',
      ...where,
      worker: { concurrency: 20, visibilityTimeout: '2s', maxCrashes: 100, restarts: 1000 },
    };
    project = new Project(LISTENERS, JSON.stringify(config));
    project.write('creator.mjs', CREATOR);
    const healedBy = join(project.folder, 'healed');
    const thrun = await project.publisher(publishing(project, where));
    const batches = await thrun.batches();
    sent = await listenIn(thrun, 'b.');
    const worker = project.start('work', '--processes', '3');
    await worker.says('is ready');

    const killing = kill(worker, random);
    const creators = startCreators(publishing(project, where), random);
    const plans = new Plans(thrun, random, healedBy);
    const ids = new Set<string>();
    const send = (plan: () => PromiseLike<string>) => patiently(async () => ids.add(await plan()));
    const all = [
      ...LARGE.map((size) => () => plans.large(size * share)),
      ...Array.from({ length: RANDOM_BATCHES * share }, () => () => plans.any()),
    ];
    meddling = meddle(thrun, batches, random, () => [...ids]);
    await Promise.all(Array.from({ length: SMALL * share }, () => send(() => plans.small())));
    for (const plan of all) await send(plan);
    const kills = await killing.done;
    await creators;
    const duplicates = await meddling.stop();
    const lastKill = Date.now();

    const listed = (status: BatchStatus) => batches.list({ status }, 100_000);
    const left = async (status: BatchStatus, name = '') =>
      (await listed(status)).filter((batch) => batch.name?.startsWith(name)).length;
    // Those whose creators died are given up a minute after their last word, however fast the rest was.
    await until('every batch that is whole has ended', 150_000, async () =>
      (await listed('running')).every(({ sealed }) => !sealed),
    );
    const whole = Date.now();
    await until('every batch has ended', 90_000, async () => (await left('running')) === 0);
    // Until now they failed; from now on they do not.
    writeFileSync(healedBy, '');
    await until('those that can be healed have succeeded', 60_000, async () => {
      await retryHealed(batches);
      return (await left('running')) + (await left('failed', 'heals')) === 0;
    });
    const ended = Date.now();
    let problems: readonly string[] = [];
    await until('everything is told', 90_000, async () => {
      problems = await audit(batches, heard(project));
      return problems.length === 0;
    }).catch(() => undefined);

    const records = await batches.list({ nested: true }, 1_000_000);
    const told = heard(project);
    const distinct = new Set(told.map(({ id }) => id)).size;
    const jobs = records.reduce((sum, { counts }) => sum + Object.values(counts).reduce((a, b) => a + b), 0);
    const unsealed = records.filter(({ sealed }) => !sealed).length;
    console.log(
      `${place}, seed ${seed}: ${records.length} batches (${unsealed} never sealed, ${records.filter(({ run }) => run > 1).length} retried), ` +
        `${jobs} jobs, ${kills} workers and ${CREATORS} creators killed, ${duplicates} jobs delivered again by hand; ` +
        `${distinct} lifecycle events, ${told.length - distinct} of them heard again; those that were whole ended ` +
        `${(whole - lastKill) / 1000} s after the last kill, all ${(ended - lastKill) / 1000} s after it`,
    );
    // Of many a few: a diff of thousands helps nobody.
    expect(problems.slice(0, 20)).toEqual([]);
    expect(orderProblems(await sent.stop()).slice(0, 20)).toEqual([]);
    expect([...ids].filter((id) => !records.some((record) => record.id === id))).toEqual([]);
    expect(kills).toBe(SECONDS);
    expect(records.some(({ run }) => run > 1)).toBe(true);
    // Each of those that die on purpose between the first jobs and the rest has left one.
    expect(unsealed).toBeGreaterThanOrEqual(CREATORS / 2);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });
});

async function redisUrl(): Promise<string> {
  redis ??= await startRedis();
  return redis.url;
}

function publishing({ folder, database }: Project, where: ThrunConfig = {}): ThrunConfig {
  const path = join(folder, '.thrun', 'batches.db');
  return {
    group: 'e2e',
    logLevel: 'silent',
    transports: { sqlite: { path: database } },
    batches: { sqlite: { path } },
    ...where,
  };
}

/** A random worker process a second, as many as there are seconds. Resolves to how many. */
function kill(worker: Command, random: () => number): { readonly done: Promise<number> } {
  const done = new Promise<number>((resolve) => {
    let kills = 0;
    const killer = setInterval(() => {
      const pids = worker.workers();
      const victim = pids[Math.floor(random() * pids.length)];
      if (victim === undefined) return;
      process.kill(victim, 'SIGKILL');
      if (++kills < SECONDS) return;
      clearInterval(killer);
      resolve(kills);
    }, 1000);
  });
  return { done };
}

/** Half of them die by their own hand at the worst moment, half at any. */
async function startCreators(config: ThrunConfig, random: () => number): Promise<void> {
  for (let i = 0; i < CREATORS; i++) {
    const how = i % 2 === 0 ? 'at-fill' : 'killed';
    const creator = project.startProgram(process.execPath, 'creator.mjs', JSON.stringify(config), String(i), how);
    await creator.says('makes batches');
    if (how === 'killed') setTimeout(() => creator.kill('SIGKILL'), random() * 150);
    await creator.ended;
  }
}

/** Delivers jobs once more by hand, cancels some batches, retries others, until it is told to stop. */
function meddle(thrun: Thrun, batches: Batches, random: () => number, ids: () => string[]) {
  let stopped = false;
  let duplicates = 0;
  const running = (async () => {
    while (!stopped) {
      const known = ids();
      const id = known[Math.floor(random() * known.length)];
      const record = id === undefined ? undefined : await batches.get(id);
      if (record && random() < 0.1) {
        // A person at the command line now and then, a program mostly.
        if (random() < 0.2) await project.start('batch', 'cancel', record.id).ended;
        else await patiently(() => batches.cancel(record.id)).catch(ignoreState);
      }
      if (record) {
        const rows = (await batches.jobs(record.id, 50)).filter(({ child }) => child === undefined && random() < 0.3);
        duplicates += rows.length;
        if (rows.length > 0)
          await patiently(() => thrun.events(rows.map((row) => jobInput(record.id, record.run, row, undefined))));
      }
      if (random() < 0.1) await retryHealed(batches);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return duplicates;
  })();
  return { stop: () => ((stopped = true), running) };
}

async function retryHealed(batches: Batches): Promise<void> {
  for (const { id, name, finishedAt } of await batches.list({ status: 'failed' }, 1000)) {
    if (finishedAt !== undefined && name?.startsWith('heals'))
      await patiently(() => batches.retry(id)).catch(ignoreState);
  }
}

/** A file that everybody writes may be locked for too long on a busy machine: nothing was written then. */
async function patiently<Result>(work: () => Promise<Result>): Promise<Result> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const { code = '' } = error as { readonly code?: string };
      if (!['THRUN_TRANSPORT_BUSY', 'THRUN_STORE_BUSY'].includes(code)) throw error;
    }
  }
}

function ignoreState(error: { readonly code?: string }): void {
  if (error.code !== 'THRUN_BATCH_STATE') throw error;
}

function heard({ folder }: Project): Heard[] {
  return readdirSync(join(folder, 'ledger')).flatMap((file) =>
    readFileSync(join(folder, 'ledger', file), 'utf8')
      .split('\n')
      // A process that was killed may have left half a line.
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as Heard),
  );
}

async function until(what: string, ms: number, condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + ms; !(await condition()); ) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
