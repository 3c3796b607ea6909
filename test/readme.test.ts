import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { REPOSITORY, THRUN } from './support/build.js';
import { shownIn } from './support/docs.js';

/** Everything README and docs/testing.md show is run as it stands there. */

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'thrun-project-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(REPOSITORY, join(folder, 'node_modules', 'thrun'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function node(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: folder,
    encoding: 'utf8',
    timeout: 30_000,
  });
  expect(`${status} ${stderr}`).toMatch(/^0 /);
  return stdout;
}

/** What a build makes of a TypeScript file, for Node to run. */
function bundled(file: string): string {
  const esbuild = join(REPOSITORY, 'node_modules', '.bin', 'esbuild');
  const flags = ['--bundle', '--packages=external', '--format=esm', '--platform=node', '--target=es2022'];
  const { stderr } = spawnSync(esbuild, [file, ...flags, '--outfile=built.mjs'], { cwd: folder, encoding: 'utf8' });
  expect(stderr).not.toContain('ERROR');
  return 'built.mjs';
}

test('the smallest program prints what the README says', () => {
  const [program = ''] = shownIn('README.md', 'js');
  const [output] = shownIn('README.md', 'text');
  expect(program.split('\n').length).toBeLessThanOrEqual(20);
  writeFileSync(join(folder, 'app.mjs'), program);
  expect(node('app.mjs')).toBe(output);
});

test('the commands of "Install" work one after the other', () => {
  const commands = (shownIn('README.md', 'sh')[1] ?? '').split('\n').filter((line) => line.startsWith('npx thrun '));
  expect(commands).toHaveLength(4);
  for (const command of commands) {
    const { status, stderr } = spawnSync('bash', ['-c', command.replace('npx thrun', `node ${THRUN}`)], {
      cwd: folder,
      encoding: 'utf8',
    });
    expect(`${command}: ${status} ${stderr}`).toContain(`${command}: 0 `);
  }
  const [queue] = JSON.parse(node(THRUN, 'queues', '--json')) as { depth: number; dead: number }[];
  expect(queue).toMatchObject({ depth: 0, dead: 0 });
});

test('the listeners and jobs it shows are discovered', () => {
  mkdirSync(join(folder, 'listeners'));
  writeFileSync(join(folder, 'package.json'), '{"name":"shop","type":"module"}');
  writeFileSync(join(folder, 'listeners', 'all.ts'), shownIn('README.md', 'ts')[0] ?? '');
  const { contracts } = JSON.parse(node(THRUN, 'discover', '--json')) as {
    contracts: { contract: string; class: string }[];
  };
  expect(contracts.map((entry) => `${entry.contract} ${entry.class}`)).toEqual([
    'create_payment CreatePayment',
    'payment.* PaymentAudit',
    'user_created Welcome',
  ]);
});

test('the batch it shows runs, and announces itself as it says', () => {
  writeFileSync(join(folder, 'package.json'), '{"name":"shop","type":"module"}');
  writeFileSync(join(folder, 'batch.ts'), shownIn('README.md', 'ts')[1] ?? '');
  expect(node(bundled('batch.ts'))).toBe(shownIn('README.md', 'text')[1]);
});

test('the test it shows passes', () => {
  const [program = ''] = shownIn('docs/testing.md', 'ts');
  const listeners = readFileSync(join(REPOSITORY, 'listeners', 'user-created.ts'), 'utf8');
  mkdirSync(join(folder, 'listeners'));
  mkdirSync(join(folder, 'checks'));
  writeFileSync(join(folder, 'package.json'), '{"name":"shop","type":"module"}');
  writeFileSync(join(folder, 'listeners', 'user-created.ts'), listeners);
  writeFileSync(join(folder, 'checks', 'welcome.ts'), program);
  expect(node(bundled('checks/welcome.ts'))).toBe('[]\n');
});
