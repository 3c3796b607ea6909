import { afterEach, expect, test } from 'vitest';
import { eventually } from '../../support/eventually.js';
import { Project } from '../project.js';
import { slow, steps } from './slow.js';

let project: Project;
afterEach(() => project.dispose());

test('the compiler of the listeners does not outlive the build', async () => {
  project = new Project(slow(1), `{ group: 'e2e' }`);
  const worker = project.start('work', '--processes', '2');
  await worker.says('is ready', 2);
  expect(worker.workers()).toHaveLength(2);
  expect(worker.children()).toEqual(worker.workers());
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
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
  // Before the change: it may be quicker than this process.
  const before = worker.workers();
  project.listeners(
    `@ThrunEventListener('e') export class L { handle(_: unknown, context: EventContext) { ledger(context, { step: 'new' }); } }`,
  );
  await eventually('new workers', () => worker.workers().some((pid) => !before.includes(pid)), project.folder);
  await thrun.event('e');
  await project.until('the new one', () => steps(project, 'new').length + steps(project, 'old').length >= 2);
  await thrun.event('e');
  await project.until('the new one', () => steps(project, 'new').length >= 1);
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
});

test('a group that was down gets every event, and groups do not share', async () => {
  const register = async () => {
    const worker = project.start('work');
    await worker.says('is ready');
    worker.kill('SIGTERM');
    expect((await worker.ended).code).toBe(0);
  };
  project = new Project(slow(1), `{ group: 'one' }`);
  const thrun = await project.publisher();
  await register();
  project.write('thrun.config.ts', `export default { group: 'two' };`);
  await register();
  await thrun.events(Array.from({ length: 10 }, () => ({ event: 'slow' })));
  expect(project.run('work', '--stop-when-empty').code).toBe(0);
  expect(steps(project, 'end')).toHaveLength(10);
  project.write('thrun.config.ts', `export default { group: 'one' };`);
  expect(project.run('work', '--stop-when-empty').code).toBe(0);
  expect(steps(project, 'end')).toHaveLength(20);
});
