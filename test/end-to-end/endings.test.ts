import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { createThrun, type ThrunConfig } from '../../src/index.js';
import { sharedKafka, sharedRabbitmq } from '../brokers/shared.js';
import { Project } from './project.js';

/** How processes end over brokers that know of no message that a process holds it: in order, and by a message. */
const BROKERS = {
  rabbitmq: async () => ({ rabbitmq: { url: await sharedRabbitmq() } }),
  kafka: async () => ({ kafka: { brokers: await sharedKafka() } }),
} as const satisfies Record<string, () => Promise<ThrunConfig['transports']>>;

describe.each(['rabbitmq', 'kafka'] as const)('%s', (transport) => {
  /** A project whose workers consume a queue of its own, and this process as its publisher. */
  async function working(listeners: string, worker: object) {
    const transports = await BROKERS[transport]();
    const config = { group: 'e2e', queue: `e2e-${randomUUID()}`, transport, transports } as const;
    const project = new Project(listeners, JSON.stringify({ ...config, worker }));
    const thrun = await createThrun({ ...config, logLevel: 'silent' });
    onTestFinished(async () => {
      await thrun.close();
      await project.dispose();
    });
    const opened = await thrun.transport();
    return {
      project,
      thrun,
      // Others have queues on this broker, too.
      letters: async () => (await opened.deadLetters?.list({ queue: config.queue }, 10)) ?? [],
      stats: async () => ((await opened.queues?.stats()) ?? []).filter(({ queue }) => queue === config.queue),
    };
  }

  test('SIGTERM: what runs is finished, the rest is handed back and has used up no attempt', async () => {
    const { project, thrun, stats } = await working(
      `@ThrunEventListener('slow', { name: 'slow' })
     export class Slow {
       async handle(_: unknown, context: EventContext) {
         ledger(context, { step: 'begin' });
         await new Promise((resolve) => setTimeout(resolve, 1000));
         ledger(context, { step: 'end' });
       }
     }`,
      { concurrency: 5 },
    );
    const steps = (step: string) =>
      project.handled().filter((line) => (line as { step?: string }).step === step).length;
    await thrun.events(Array.from({ length: 20 }, () => ({ event: 'slow' })));
    const worker = project.start('work');
    await project.until('five run', () => steps('begin') >= 5);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    expect(steps('begin')).toBe(steps('end'));
    const left = 20 - steps('end');
    expect(left).toBeGreaterThan(0);
    expect(await stats()).toMatchObject([{ depth: left, inFlight: 0 }]);
    const rest = project.start('work', '--stop-when-empty');
    expect((await rest.ended).code).toBe(0);
    expect(steps('end')).toBe(20);
    expect(project.handled().every(({ attempt }) => attempt === 1)).toBe(true);
  }, 60_000);

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
    await vi.waitFor(async () => expect(await letters()).toMatchObject(buried), { timeout: 10_000 });
    await project.until(
      'all neighbours',
      (handled) => new Set(handled.filter(({ event }) => event === 'good').map(({ id }) => id)).size === 40,
    );
    expect(project.handled().filter(({ event }) => event === 'poison')).toHaveLength(3);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    expect((await letters()).length).toBe(1);
  }, 60_000);
});
