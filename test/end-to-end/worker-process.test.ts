import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { eventually, fileExists, type Project as ProjectType, Project } from './project.js';

let project: ProjectType;
afterEach(() => project.dispose());

const slow = (ms: number) => `
@ThrunEventListener('slow', { name: 'slow' })
export class Slow {
  async handle(_: unknown, context: EventContext) {
    ledger(context, { step: 'begin' });
    await new Promise((resolve) => setTimeout(resolve, ${ms}));
    ledger(context, { step: 'end' });
  }
}`;

const steps = (project: Project, step: string) => project.handled().filter((line) => line.step === step);

describe('drain', () => {
  test('SIGTERM: what runs is finished, nothing new begins, the rest is handed back, exit 0', async () => {
    project = new Project(slow(1000), `{ group: 'e2e', worker: { concurrency: 5 } }`);
    const thrun = await project.publisher();
    await thrun.events(Array.from({ length: 20 }, () => ({ event: 'slow' })));
    const worker = project.start('work');
    await project.until('five run', () => steps(project, 'begin').length >= 5);
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
    expect(steps(project, 'begin')).toHaveLength(steps(project, 'end').length);
    const left = 20 - steps(project, 'end').length;
    expect(left).toBeGreaterThan(0);
    const stats = await (await thrun.transport()).queues?.stats();
    expect(stats).toMatchObject([{ depth: left, inFlight: 0 }]);
    // What was handed back has used up no attempt.
    const rest = project.start('work', '--stop-when-empty');
    expect((await rest.exit).code).toBe(0);
    expect(steps(project, 'end')).toHaveLength(20);
    expect(project.handled().every(({ attempt }) => attempt === 1)).toBe(true);
  });

  test('a listener that never ends: its signal is raised at the deadline, its delivery handed back, exit 0', async () => {
    project = new Project(
      `@ThrunEventListener('stuck')
       export class Stuck {
         handle(_: unknown, context: EventContext) {
           ledger(context);
           context.signal.addEventListener('abort', () => ledger(context, { step: 'aborted' }));
           return new Promise(() => undefined);
         }
       }`,
      `{ group: 'e2e', worker: { drainTimeout: '300ms' } }`,
    );
    const thrun = await project.publisher();
    await thrun.event('stuck');
    const worker = project.start('work');
    await project.until('it runs', (handled) => handled.length === 1);
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
    expect(steps(project, 'aborted')).toHaveLength(1);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ depth: 1, inFlight: 0 }]);
  });

  test('a second signal ends at once with 1, and nothing is lost', async () => {
    project = new Project(slow(60_000), `{ group: 'e2e' }`);
    const thrun = await project.publisher();
    await thrun.event('slow');
    const worker = project.start('work');
    await project.until('it runs', (handled) => handled.length === 1);
    worker.kill('SIGINT');
    await worker.says(/drain/i);
    worker.kill('SIGINT');
    expect((await worker.exit).code).toBe(1);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ inFlight: 1 }]);
  });

  test('a worker whose supervisor is killed drains by itself', async () => {
    project = new Project(slow(500), `{ group: 'e2e' }`);
    const thrun = await project.publisher();
    await thrun.event('slow');
    const worker = project.start('work');
    await project.until('it runs', (handled) => handled.length === 1);
    const [child] = worker.workers();
    worker.kill('SIGKILL');
    await eventually('the child is gone', () => !fileExists(`/proc/${child}/stat`), project.folder);
    expect(steps(project, 'end')).toHaveLength(1);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ depth: 0, inFlight: 0 }]);
  });
});

describe('stop conditions', () => {
  test('--limit runs exactly so many, over all processes', async () => {
    project = new Project(slow(1), `{ group: 'e2e' }`);
    const thrun = await project.publisher();
    await thrun.events(Array.from({ length: 100 }, () => ({ event: 'slow' })));
    const { status } = project.run('work', '--processes', '3', '--limit', '37');
    expect(status).toBe(0);
    expect(steps(project, 'end')).toHaveLength(37);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ depth: 63, inFlight: 0 }]);
  });

  test('--stop-when-empty ends when all is done, retries that are due soon included', async () => {
    project = new Project(
      `@ThrunEventListener('e', { retry: { attempts: 3, delay: '200ms' } })
       export class Flaky { handle(_: unknown, context: EventContext) { ledger(context); if (context.attempt < 3) throw new Error('not yet'); } }`,
      `{ group: 'e2e' }`,
    );
    const thrun = await project.publisher();
    await thrun.event('e');
    await thrun.event('e', {}, { delay: '1h' });
    expect(project.run('work', '--stop-when-empty').status).toBe(0);
    expect(project.handled().map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ delayed: 1, dead: 0 }]);
  });

  test('--time-limit drains when the time is up', async () => {
    project = new Project(slow(1), `{ group: 'e2e' }`);
    const { status } = project.run('work', '--time-limit', '1s');
    expect(status).toBe(0);
  });

  test('--memory-limit replaces a process that holds more', async () => {
    project = new Project(
      `const hoard: Buffer[] = [];
       @ThrunEventListener('grow')
       export class Grow { handle(_: unknown, context: EventContext) { ledger(context); hoard.push(Buffer.alloc(300 * 2 ** 20, 1)); } }`,
      `{ group: 'e2e' }`,
    );
    const thrun = await project.publisher();
    const worker = project.start('work', '--memory-limit', '256M');
    await thrun.event('grow');
    await project.until('it grew', (handled) => handled.length === 1);
    const first = project.handled()[0]?.pid;
    await eventually('another process', () => worker.workers().some((pid) => pid !== first), project.folder);
    await thrun.event('grow');
    await project.until('the new one works', (handled) => new Set(handled.map(({ pid }) => pid)).size === 2);
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
  });
});

describe('faults', () => {
  test('a message that kills its process is dead after maxCrashes; its neighbours are not', async () => {
    project = new Project(
      `@ThrunEventListener('good')
       export class Good { async handle(_: unknown, context: EventContext) { await new Promise((resolve) => setTimeout(resolve, 5)); ledger(context); } }
       @ThrunEventListener('poison')
       export class Poison { handle(_: unknown, context: EventContext) { ledger(context); process.abort(); } }`,
      `{ group: 'e2e', worker: { concurrency: 5, visibilityTimeout: '500ms', maxCrashes: 3 } }`,
    );
    const thrun = await project.publisher();
    await thrun.events([
      ...Array.from({ length: 20 }, () => ({ event: 'good' })),
      { event: 'poison' },
      ...Array.from({ length: 20 }, () => ({ event: 'good' })),
    ]);
    const worker = project.start('work', '--processes', '2');
    const transport = await thrun.transport();
    await thrun.event('good');
    await worker.says('dead letter');
    // It is said first, and written with what else there is to settle.
    await vi.waitFor(async () =>
      expect(await transport.deadLetters?.list({}, 10)).toMatchObject([{ event: 'poison', reason: 'crashed_worker' }]),
    );
    await project.until(
      'all neighbours',
      (handled) => new Set(handled.filter(({ event }) => event === 'good').map(({ id }) => id)).size === 41,
    );
    expect(project.handled().filter(({ event }) => event === 'poison')).toHaveLength(3);
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
    expect(await transport.deadLetters?.count({})).toBe(1);
  });

  test('SIGSTOP for longer than the lease: taken over once, and the late settlement is refused', async () => {
    project = new Project(slow(300), `{ group: 'e2e', worker: { visibilityTimeout: '500ms' } }`);
    const thrun = await project.publisher();
    const worker = project.start('work');
    await worker.says(/ready|consum|listening/i);
    await thrun.event('slow');
    await project.until('it runs', () => steps(project, 'begin').length === 1);
    const [child] = worker.workers();
    process.kill(child ?? 0, 'SIGSTOP');
    const second = project.start('work');
    await project.until('another one took over', () => new Set(steps(project, 'end').map(({ pid }) => pid)).size === 1);
    process.kill(child ?? 0, 'SIGCONT');
    await project.until('the first one came back', () => steps(project, 'end').length === 2);
    await worker.says('lease ran out');
    for (const command of [worker, second]) {
      command.kill('SIGTERM');
      expect((await command.exit).code).toBe(0);
    }
    const handled = steps(project, 'end');
    expect(handled.map(({ attempt }) => attempt).sort()).toEqual([1, 2]);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ depth: 0, inFlight: 0, dead: 0 }]);
  });

  test('a listener that blocks the event loop is reported, then its process replaced', async () => {
    project = new Project(
      `@ThrunEventListener('block', { retry: { attempts: 1 } })
       export class Block { handle(_: unknown, context: EventContext) { ledger(context); if (context.attempt === 1) for (;;); } }`,
      `{ group: 'e2e', worker: { visibilityTimeout: '1s', blockedAfter: '500ms', killBlockedAfter: '1500ms' } }`,
    );
    const thrun = await project.publisher();
    const worker = project.start('work');
    await thrun.event('block');
    await worker.says(/blocked|event loop/i);
    await project.until('a new process has it', (handled) => new Set(handled.map(({ pid }) => pid)).size === 2);
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
  });

  test('listeners that cannot be loaded: said once, with the reason, exit not 0', async () => {
    project = new Project(`throw new Error('no database today');`, `{ group: 'e2e' }`);
    const { status, stderr } = project.run('work');
    expect(status).not.toBe(0);
    expect(stderr).toContain('no database today');
    expect(stderr).toContain('main.ts');
  });

  test.each([7, 0])('processes that do nothing but end by themselves, with %i, are given up on', async (code) => {
    project = new Project(
      `process.nextTick(() => process.exit(${code}));`,
      `{ group: 'e2e', worker: { restarts: 2 } }`,
    );
    const { status, stderr } = project.run('work');
    expect(status).toBe(1);
    expect(stderr).toContain(`exit code ${code}`);
    expect(stderr.match(/crashed \(/g)).toHaveLength(2);
  });

  test('a listener that calls process.exit(0) has crashed its process: said, and dead after maxCrashes', async () => {
    project = new Project(
      `@ThrunEventListener('exit') export class Exit { handle(_: unknown, context: EventContext) { ledger(context); process.exit(0); } }`,
      `{ group: 'e2e', worker: { visibilityTimeout: '300ms', maxCrashes: 3 } }`,
    );
    const thrun = await project.publisher();
    await thrun.event('exit');
    const worker = project.start('work');
    await worker.says('dead letter: crashed_worker');
    expect(worker.stderr.match(/exit code 0, unasked: something in it calls process.exit\(\)/g)).toHaveLength(3);
    expect(project.handled()).toHaveLength(3);
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
  });

  test('a rejection that nobody waits for ends its process, with its place', async () => {
    project = new Project(
      `@ThrunEventListener('float') export class Float {
         handle(_: unknown, context: EventContext) {
           ledger(context);
           if (context.attempt === 1) void Promise.reject(new Error('floating'));
         }
       }`,
      `{ group: 'e2e', worker: { visibilityTimeout: '300ms' } }`,
    );
    const thrun = await project.publisher();
    await thrun.event('float');
    const worker = project.start('work');
    await worker.says('crashed (exit code 1)');
    expect(worker.stderr).toMatch(/cannot go on: Error: floating\n +at Float\.handle \(.*main\.ts:\d+/);
    await project.until('it came again', (handled) => handled.length === 2);
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
  });

  test('a worker process that is told to end by others drains, and another one takes its place', async () => {
    project = new Project(slow(300), `{ group: 'e2e' }`);
    const thrun = await project.publisher();
    const worker = project.start('work');
    await thrun.event('slow');
    await project.until('it runs', () => steps(project, 'begin').length === 1);
    const [first = 0] = worker.workers();
    process.kill(first, 'SIGTERM');
    await worker.says('is ready', 2);
    expect(steps(project, 'end')).toHaveLength(1);
    expect(worker.stderr).not.toContain('crashed');
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
  });

  test('connected but not consuming: health fails, and the process is replaced', async () => {
    project = new Project(slow(1), `{ group: 'e2e', transport: deaf, worker: { silentAfter: '1s' } }`);
    // Broken on purpose: it opens, it registers, and its consumer never answers.
    const traits = `{ fanOut: true, atomicPublish: true, publishSurvives: 'nothing', ordered: true, persistent: false, multiProcess: true }`;
    project.write(
      'thrun.config.ts',
      `const deaf = {
         name: 'deaf', traits: ${traits},
         async open() {}, async publish() {}, async close() {},
         async consume() { return { next: (_: number, o: { signal: AbortSignal }) => new Promise((r) => o.signal.addEventListener('abort', () => r([]))), async flush() {}, async close() {} }; },
       };
       export default { group: 'e2e', transport: deaf, worker: { silentAfter: '1s', drainTimeout: '1s' } };`,
    );
    const worker = project.start('work');
    await worker.says(/consum.*(not|no)|not.*consum/i, 1);
    const first = worker.workers();
    await eventually('it is replaced', () => worker.workers().some((pid) => !first.includes(pid)), project.folder);
    await eventually('health fails', () => project.run('health').status === 1, join(project.folder, '.thrun'));
    worker.kill('SIGTERM');
    await worker.exit;
    project.write('thrun.config.ts', `export default { group: 'e2e' };`);
    const well = project.start('work');
    await eventually('health is well', () => project.run('health').status === 0, join(project.folder, '.thrun'));
    well.kill('SIGTERM');
    expect((await well.exit).code).toBe(0);
  });
});

test('the compiler of the listeners does not outlive the build', async () => {
  project = new Project(slow(1), `{ group: 'e2e' }`);
  const worker = project.start('work', '--processes', '2');
  await worker.says('is ready', 2);
  expect(worker.workers()).toHaveLength(2);
  expect(worker.children()).toEqual(worker.workers());
  worker.kill('SIGTERM');
  expect((await worker.exit).code).toBe(0);
});

test('--watch: a changed listener is built and the workers are replaced', async () => {
  project = new Project(
    `@ThrunEventListener('e') export class L { handle(_: unknown, context: EventContext) { ledger(context, { step: 'old' }); } }`,
    `{ group: 'e2e' }`,
  );
  const thrun = await project.publisher();
  const worker = project.start('work', '--watch');
  await thrun.event('e');
  await project.until('the old one', () => steps(project, 'old').length === 1);
  project.listeners(
    `@ThrunEventListener('e') export class L { handle(_: unknown, context: EventContext) { ledger(context, { step: 'new' }); } }`,
  );
  const before = worker.workers();
  await eventually('new workers', () => worker.workers().some((pid) => !before.includes(pid)), project.folder);
  await thrun.event('e');
  await project.until('the new one', () => steps(project, 'new').length + steps(project, 'old').length >= 2);
  await thrun.event('e');
  await project.until('the new one', () => steps(project, 'new').length >= 1);
  worker.kill('SIGTERM');
  expect((await worker.exit).code).toBe(0);
});

test('a group that was down gets every event, and groups do not share', async () => {
  const register = async () => {
    const worker = project.start('work');
    await worker.says('is ready');
    worker.kill('SIGTERM');
    expect((await worker.exit).code).toBe(0);
  };
  project = new Project(slow(1), `{ group: 'one' }`);
  const thrun = await project.publisher();
  await register();
  project.write('thrun.config.ts', `export default { group: 'two' };`);
  await register();
  await thrun.events(Array.from({ length: 10 }, () => ({ event: 'slow' })));
  expect(project.run('work', '--stop-when-empty').status).toBe(0);
  expect(steps(project, 'end')).toHaveLength(10);
  project.write('thrun.config.ts', `export default { group: 'one' };`);
  expect(project.run('work', '--stop-when-empty').status).toBe(0);
  expect(steps(project, 'end')).toHaveLength(20);
});
