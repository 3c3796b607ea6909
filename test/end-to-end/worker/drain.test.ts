import { existsSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { Project } from '../project.js';
import { slow, steps } from './slow.js';

let project: Project;
afterEach(() => project.dispose());

describe('drain', () => {
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
