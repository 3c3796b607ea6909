import { expect, onTestFinished, test } from 'vitest';
import { Project } from '../../end-to-end/project.js';
import { watchCommits } from './commits.js';
import { node, queueName, until } from './stage.js';

const RUNNING = 5;
const MORE = 200;

/** A project whose events each take a second and a half, worked by processes that Kafka misses after three seconds. */
async function slowProject() {
  const { url } = await node();
  const config = {
    transport: 'kafka',
    group: 'e2e',
    queue: queueName(),
    transports: { kafka: { brokers: url } },
  } as const;
  const worker = { concurrency: RUNNING, visibilityTimeout: '3s' };
  const project = new Project(
    `@ThrunEventListener('slow')
     export class Slow {
       async handle(payload: { ms: number }, context: EventContext) {
         ledger(context, { step: 'begin' });
         await new Promise((resolve) => setTimeout(resolve, payload.ms));
         ledger(context, { step: 'end' });
       }
     }`,
    JSON.stringify({ ...config, worker }),
    { broker: config },
  );
  onTestFinished(() => project.dispose());
  const commits = await watchCommits(url);
  const thrun = await project.publisher();
  const steps = (step: string) => project.handled().filter((line) => line.step === step);
  return { project, thrun, commits, steps };
}

test('stopped for longer than its session: others take over; when it wakes up its word counts for nothing', {
  timeout: 120_000,
}, async () => {
  const { project, thrun, commits, steps } = await slowProject();
  const first = project.start('work');
  await first.says('is ready');
  const ids = await thrun.events(Array.from({ length: RUNNING }, () => ({ event: 'slow', payload: { ms: 1500 } })));
  await project.until('they run', () => steps('begin').length === RUNNING);
  const [stopped = 0] = first.workers();
  process.kill(stopped, 'SIGSTOP');
  const second = project.start('work');
  ids.push(...(await thrun.events(Array.from({ length: MORE }, () => ({ event: 'slow', payload: { ms: 5 } })))));
  await project.until('the others have all of it', () => {
    const done = new Set(steps('end').map(({ id }) => id));
    return ids.every((id) => done.has(id));
  });
  process.kill(stopped, 'SIGCONT');
  // It finishes what it runs, says so in vain, and works again.
  await until(() => expect(steps('end').filter(({ pid }) => pid === stopped).length).toBeGreaterThan(0), 20_000);
  const late = await thrun.event('slow', { ms: 5 });
  await project.until('what comes later is handled', () => steps('end').some(({ id }) => id === late));
  const { stats } = (await thrun.transport()).queues ?? {};
  for (const worker of [first, second]) worker.kill('SIGTERM');
  for (const worker of [first, second]) expect((await worker.ended).code).toBe(0);

  const again = steps('end').length - ids.length - 1;
  console.log(
    `stopped worker: ${ids.length + 1} published, all handled, ${again} again; ${commits.looks()} looks at the commits`,
  );
  expect(await stats?.call((await thrun.transport()).queues)).toMatchObject([{ depth: 0, dead: 0 }]);
  expect(commits.backwards).toEqual([]);
});
