import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { Project } from '../project.js';
import { slow, steps } from './slow.js';

let project: Project;
afterEach(() => project.dispose());

describe('stop conditions', () => {
  test('--limit runs exactly so many, over all processes', async () => {
    project = new Project(slow(1), `{ group: 'e2e' }`);
    const thrun = await project.publisher();
    await thrun.events(Array.from({ length: 100 }, () => ({ event: 'slow' })));
    const { code } = project.run('work', '--processes', '3', '--limit', '37');
    expect(code).toBe(0);
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
    expect(project.run('work', '--stop-when-empty').code).toBe(0);
    expect(project.handled().map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ delayed: 1, dead: 0 }]);
  });

  test('--time-limit drains when the time is up', async () => {
    project = new Project(slow(700), `{ group: 'e2e', worker: { concurrency: 2 } }`);
    const thrun = await project.publisher();
    await thrun.events(Array.from({ length: 100 }, () => ({ event: 'slow' })));
    // From the start of the command: a busy machine takes seconds until a process is up.
    expect(project.run('work', '--time-limit', '5s').code).toBe(0);
    const ended = steps(project, 'end').length;
    expect(ended).toBe(steps(project, 'begin').length);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ depth: 100 - ended, inFlight: 0 }]);
    expect([ended > 0, ended < 100]).toEqual([true, true]);
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
    expect((await worker.ended).code).toBe(0);
  });
});
