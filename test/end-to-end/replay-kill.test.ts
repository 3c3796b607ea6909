import { expect, onTestFinished, test } from 'vitest';
import type { ThrunConfig } from '../../src/index.js';
import { startRedis } from '../brokers/redis.js';
import { sharedKafka } from '../brokers/shared.js';
import { type Handled, Project } from './project.js';

const EVENTS = 1500;
/** Before each kill: whoever comes after it has something to do, however late it came. */
const NEW = 100;
const KILLS = 3;

const LISTENER = `@ThrunEventListener('e')
export class E {
  async handle(_: unknown, context: EventContext) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    ledger(context);
  }
}`;

const BROKERS: readonly [string, () => Promise<ThrunConfig>][] = [
  [
    'redis-streams',
    async () => {
      const redis = await startRedis();
      onTestFinished(() => redis.dispose());
      return { transport: 'redis-streams', transports: { redis: { url: redis.url, history: '1h' } } };
    },
  ],
  ['kafka', async () => ({ transport: 'kafka', transports: { kafka: { brokers: await sharedKafka() } } })],
];

test.each(BROKERS)(
  '%s: workers that are killed while old events come again beside new ones lose none of either',
  { timeout: 180_000 },
  async (_, start) => {
    const broker = { ...(await start()), queue: `e2e-${crypto.randomUUID()}` };
    const config = { ...broker, group: 'e2e', worker: { visibilityTimeout: '1s' } };
    const project = new Project(LISTENER, JSON.stringify(config), { broker });
    onTestFinished(() => project.dispose());
    const thrun = await project.publisher();
    const publish = (count: number) =>
      thrun.events(Array.from({ length: count }, (__, n) => ({ event: 'e', payload: { n } })));
    const old = await publish(EVENTS);
    const worker = project.start('work');
    await project.until('all are handled', (handled) => isHandled(old, 1, handled));

    const ended = project.start('replay', '--since', '0', '--yes', '--json').ended;
    const fresh: string[] = [];
    const killed = new Set<number>();
    for (let kill = 1; kill <= KILLS; kill++) {
      fresh.push(...(await publish(NEW)));
      const reached = EVENTS + kill * 300;
      let victim = 0;
      await project.until('some have come again, the last of them to a process that lives', (handled) => {
        victim = latest(handled).pid;
        return handled.length > reached && !killed.has(victim);
      });
      killed.add(victim);
      process.kill(victim, 'SIGKILL');
    }
    expect((await ended).code).toBe(0);
    await project.until('old ones are handled twice, new ones once', (handled) => {
      const counts = countsOf(handled);
      return isHandled(old, 2, handled, counts) && isHandled(fresh, 1, handled, counts);
    });
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  },
);

function isHandled(ids: readonly string[], times: number, handled: readonly Handled[], counts = countsOf(handled)) {
  return ids.every((id) => (counts.get(id) ?? 0) >= times);
}

function countsOf(handled: readonly Handled[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { id } of handled) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

function latest(handled: readonly Handled[]): Handled {
  return handled.reduce((last, one) => (one.at > last.at ? one : last));
}
