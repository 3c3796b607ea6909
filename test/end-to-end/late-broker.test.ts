import { afterEach, describe, expect, test } from 'vitest';
import type { ThrunConfig } from '../../src/index.js';
import type { Broker } from '../brokers/broker.js';
import { startKafka } from '../brokers/kafka.js';
import { startRedis } from '../brokers/redis.js';
import { Project } from './project.js';

let project: Project;
let broker: Broker;
afterEach(async () => {
  await project.dispose();
  await broker.dispose();
});

type Start = () => Promise<{ broker: Broker; transports: NonNullable<ThrunConfig['transports']> }>;

const BROKERS: Readonly<Record<'redis-list' | 'kafka', Start>> = {
  'redis-list': async () => {
    const redis = await startRedis();
    return { broker: redis, transports: { redis: { url: redis.url } } };
  },
  kafka: async () => {
    const kafka = await startKafka();
    return { broker: kafka, transports: { kafka: { brokers: kafka.url } } };
  },
};

describe.each(['redis-list', 'kafka'] as const)('%s', (transport) => {
  async function withoutItsBroker(): Promise<void> {
    const started = await BROKERS[transport]();
    broker = started.broker;
    const config = { transport, transports: started.transports };
    const listener = `@ThrunEventListener('late') export class Late { handle(_: unknown, context: EventContext) { ledger(context); } }`;
    project = new Project(listener, JSON.stringify({ group: 'e2e', ...config }), { broker: config });
    await broker.stop();
  }

  test('a broker that is away at the start is waited for, and consumed once it is there', async () => {
    await withoutItsBroker();
    const worker = project.start('work');
    await worker.says('ECONNREFUSED');
    await broker.start();
    const thrun = await project.publisher();
    await thrun.event('late');
    await project.until('it is handled', (handled) => handled.length === 1);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });

  test('a run that ends by itself does not wait for it: it fails, and says where it looked', async () => {
    await withoutItsBroker();
    const { code, stderr } = project.run('work', '--stop-when-empty');
    expect(code).toBe(1);
    expect(stderr).toMatch(new RegExp(`error: The transport ${transport} cannot be reached: .*127\\.0\\.0\\.1:`));
  });
});
