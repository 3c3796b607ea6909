import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { ThrunConfig } from '../../src/index.js';
import { someRedis } from '../brokers/redis.js';
import { sharedKafka, sharedRabbitmq } from '../brokers/shared.js';
import { Project } from './project.js';
import { slow, steps } from './worker/slow.js';

/** How processes end on each transport: in order, and by a message. */
const PLACES: Readonly<Record<string, () => Promise<ThrunConfig>>> = {
  sqlite: async () => ({}),
  'redis-list': () => overRedis('redis-list'),
  'redis-streams': () => overRedis('redis-streams'),
  rabbitmq: async () => ({ transport: 'rabbitmq', transports: { rabbitmq: { url: await sharedRabbitmq() } } }),
  kafka: async () => ({ transport: 'kafka', transports: { kafka: { brokers: await sharedKafka() } } }),
};

async function overRedis(transport: 'redis-list' | 'redis-streams'): Promise<ThrunConfig> {
  const redis = await someRedis();
  onTestFinished(() => redis.dispose());
  return { transport, transports: { redis: { url: redis.url } } };
}

describe.each(Object.entries(PLACES))('%s', (_, place) => {
  /** A project whose workers consume a queue of its own, and this process as its publisher. */
  async function working(listeners: string, worker: object) {
    const queue = `e2e-${randomUUID()}`;
    const config = { group: 'e2e', queue, ...(await place()) };
    const project = new Project(listeners, JSON.stringify({ ...config, worker }), { broker: config });
    onTestFinished(() => project.dispose());
    const thrun = await project.publisher();
    const opened = await thrun.transport();
    return {
      project,
      thrun,
      // Others have queues on this broker, too.
      letters: async () => (await opened.deadLetters?.list({ queue }, 10)) ?? [],
      stats: async () => ((await opened.queues?.stats()) ?? []).filter((row) => row.queue === queue),
    };
  }

  test('SIGTERM: what runs is finished, the rest is handed back and has used up no attempt', async () => {
    const { project, thrun, stats } = await working(slow(1000), { concurrency: 5 });
    // More than five at a time come to while this process stands still for seconds.
    await thrun.events(Array.from({ length: 40 }, () => ({ event: 'slow' })));
    const worker = project.start('work');
    await project.until('five run', () => steps(project, 'begin').length >= 5);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    const ended = steps(project, 'end').length;
    expect(steps(project, 'begin')).toHaveLength(ended);
    expect(ended).toBeLessThan(40);
    expect(await stats()).toMatchObject([{ depth: 40 - ended, inFlight: 0 }]);
    expect(project.run('work', '--stop-when-empty', '--concurrency', '40').code).toBe(0);
    expect(steps(project, 'end')).toHaveLength(40);
    expect(project.handled().every(({ attempt }) => attempt === 1)).toBe(true);
  }, 120_000);

  test('SIGKILL: what it held is given out as soon as its death is known, long before a lease could run out', async () => {
    const { project, thrun, stats } = await working(
      `@ThrunEventListener('held')
       export class Held {
         async handle(_: unknown, context: EventContext) {
           ledger(context, { step: 'begin' });
           if (context.attempt === 1) await new Promise(() => undefined);
           ledger(context, { step: 'end' });
         }
       }`,
      { concurrency: 3, visibilityTimeout: '10m' },
    );
    const worker = project.start('work');
    await thrun.events(Array.from({ length: 3 }, () => ({ event: 'held' })));
    await project.until('all run', () => steps(project, 'begin').length === 3);
    const [first = 0] = worker.workers();
    process.kill(first, 'SIGKILL');
    await project.until('another one has ended them', () => steps(project, 'end').length === 3);
    expect(steps(project, 'end').every(({ attempt, pid }) => attempt === 2 && pid !== first)).toBe(true);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    expect(await stats()).toMatchObject([{ depth: 0, inFlight: 0, dead: 0 }]);
  }, 90_000);

  test('a message that kills its process is dead after maxCrashes; its neighbours are not', async () => {
    const { project, thrun, letters } = await working(
      `@ThrunEventListener('good')
     export class Good { async handle(_: unknown, context: EventContext) { await new Promise((resolve) => setTimeout(resolve, 5)); ledger(context); } }
     @ThrunEventListener('poison')
     export class Poison { handle(_: unknown, context: EventContext) { ledger(context); process.abort(); } }`,
      // How soon a killed process is missed, where its connection does not say so.
      { concurrency: 5, maxCrashes: 3, visibilityTimeout: '2s' },
    );
    const good = Array.from({ length: 20 }, () => ({ event: 'good' }));
    await thrun.events([...good, { event: 'poison' }, ...good]);
    const worker = project.start('work', '--processes', '2');
    await worker.says('dead letter');
    // It is said when it is decided, and kept a moment later.
    const buried = [{ event: 'poison', reason: 'crashed_worker' }];
    await vi.waitFor(async () => expect(await letters()).toMatchObject(buried), { timeout: 30_000 });
    await project.until(
      'all neighbours',
      (handled) => new Set(handled.filter(({ event }) => event === 'good').map(({ id }) => id)).size === 40,
    );
    expect(project.handled().filter(({ event }) => event === 'poison')).toHaveLength(3);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    expect((await letters()).length).toBe(1);
  }, 120_000);
});
