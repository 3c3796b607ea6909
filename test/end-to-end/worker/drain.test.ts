import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { Project } from '../project.js';
import { slow, steps } from './slow.js';

let project: Project;
afterEach(() => project.dispose());

describe('drain', () => {
  test('SIGTERM: what runs is finished, nothing new begins, the rest is handed back, exit 0', async () => {
    project = new Project(slow(1000), `{ group: 'e2e', worker: { concurrency: 5 } }`);
    const thrun = await project.publisher();
    await thrun.events(Array.from({ length: 20 }, () => ({ event: 'slow' })));
    const worker = project.start('work');
    await project.until('five run', () => steps(project, 'begin').length >= 5);
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
    expect(steps(project, 'begin')).toHaveLength(steps(project, 'end').length);
    const left = 20 - steps(project, 'end').length;
    expect(left).toBeGreaterThan(0);
    const stats = await (await thrun.transport()).queues?.stats();
    expect(stats).toMatchObject([{ depth: left, inFlight: 0 }]);
    // What was handed back has used up no attempt.
    const rest = project.start('work', '--stop-when-empty');
    expect((await rest.ended).code).toBe(0);
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
    expect((await worker.ended).code).toBe(0);
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
    await worker.says('Draining');
    worker.kill('SIGINT');
    expect((await worker.ended).code).toBe(1);
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
    await eventually('the child is gone', () => !existsSync(`/proc/${child}/stat`), project.folder);
    expect(steps(project, 'end')).toHaveLength(1);
    expect(await (await thrun.transport()).queues?.stats()).toMatchObject([{ depth: 0, inFlight: 0 }]);
  });
});
