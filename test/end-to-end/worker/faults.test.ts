import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { Project } from '../project.js';
import { slow, steps } from './slow.js';

let project: Project;
afterEach(() => project.dispose());

describe('faults', () => {
  test('SIGSTOP for longer than the lease: taken over once, and the late settlement is refused', async () => {
    // It stops itself, between two writes: who stands still with SQLite's lock in hand keeps everybody out.
    const stops = slow(300, `if (context.attempt === 1) process.kill(process.pid, 'SIGSTOP');`);
    project = new Project(stops, `{ group: 'e2e', worker: { visibilityTimeout: '2s' } }`);
    const thrun = await project.publisher();
    const worker = project.start('work');
    await worker.says('is ready');
    await thrun.event('slow');
    await project.until('it runs', () => steps(project, 'begin').length === 1);
    const [child] = worker.workers();
    const second = project.start('work');
    await project.until('another one took over', () => new Set(steps(project, 'end').map(({ pid }) => pid)).size === 1);
    process.kill(child ?? 0, 'SIGCONT');
    await project.until('the first one came back', () => steps(project, 'end').length === 2);
    await worker.says('lease ran out');
    for (const command of [worker, second]) {
      command.kill('SIGTERM');
      expect((await command.ended).code).toBe(0);
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
    await worker.says('has been blocked for');
    await project.until('a new process has it', (handled) => new Set(handled.map(({ pid }) => pid)).size === 2);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  });

  test('listeners that cannot be loaded: said once, with the reason, exit not 0', async () => {
    project = new Project(`throw new Error('no database today');`, `{ group: 'e2e' }`);
    const { code, stderr } = project.run('work');
    expect(code).not.toBe(0);
    expect(stderr).toContain('no database today');
    expect(stderr).toContain('main.ts');
  });

  test.each([7, 0])('processes that do nothing but end by themselves, with %i, are given up on', async (exitCode) => {
    project = new Project(
      `process.nextTick(() => process.exit(${exitCode}));`,
      `{ group: 'e2e', worker: { restarts: 2 } }`,
    );
    const { code, stderr } = project.run('work');
    expect(code).toBe(1);
    expect(stderr).toContain(`exit code ${exitCode}`);
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
    expect((await worker.ended).code).toBe(0);
  });

  test.each([
    ['a rejection that nobody waits for', 'void Promise.reject(error)'],
    ['an error that nobody catches', 'setTimeout(() => { throw error; })'],
  ])('%s ends its process, with its place and without secrets', async (_, floats) => {
    project = new Project(
      `@ThrunEventListener('float') export class Float {
         async handle(_: unknown, context: EventContext) {
           ledger(context);
           if (context.attempt > 1) return;
           const error = new Error('floating from redis://u:hunter2@h');
           ${floats};
           await new Promise(() => undefined);
         }
       }`,
      `{ group: 'e2e', worker: { visibilityTimeout: '300ms' } }`,
    );
    const thrun = await project.publisher();
    await thrun.event('float');
    const worker = project.start('work');
    await worker.says('crashed (exit code 1)');
    expect(worker.stderr).toMatch(
      /cannot go on: Error: floating from redis:\/\/u:\*\*\*@h\n +at Float\.handle \(.*main\.ts:\d+/,
    );
    await project.until('it came again', (handled) => handled.length === 2);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
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
    expect((await worker.ended).code).toBe(0);
  });

  test('connected but not consuming: health fails, and the process is replaced', async () => {
    project = new Project(slow(1));
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
    await worker.says('does not consume');
    const first = worker.workers();
    await eventually('it is replaced', () => worker.workers().some((pid) => !first.includes(pid)), project.folder);
    await eventually('health fails', () => project.run('health').code === 1, join(project.folder, '.thrun'));
    worker.kill('SIGTERM');
    await worker.ended;
    project.write('thrun.config.ts', `export default { group: 'e2e' };`);
    const well = project.start('work');
    await eventually('health is well', () => project.run('health').code === 0, join(project.folder, '.thrun'));
    well.kill('SIGTERM');
    expect((await well.ended).code).toBe(0);
  });
});
