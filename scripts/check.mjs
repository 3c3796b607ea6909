// `npm run check`: everything beside the tests. Lint, format, types, the build, unused code, and the package as its users
// get it: packed, installed in an empty folder, set up by `thrun init`, and working there.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { install, root, run } from './prepare.mjs';

install();
const bin = (name) => join(root, 'node_modules', '.bin', name);

step('lint');
run(bin('oxlint'), ['--type-aware', '--deny-warnings']);
step('format');
run(bin('biome'), ['format', '.']);
step('types');
run(bin('tsc'), ['-p', 'tsconfig.json']);
step('build');
rmSync(join(root, 'dist'), { recursive: true, force: true });
run(bin('tsc'), ['-p', 'tsconfig.build.json']);
step('unused code and dependencies');
run(bin('knip'), []);

const folder = mkdtempSync(join(tmpdir(), 'thrun-pack-'));
try {
  step('the package');
  run('npm', ['pack', '--silent', '--pack-destination', folder]);
  const tarball = join(
    folder,
    readdirSync(folder).find((name) => name.endsWith('.tgz')),
  );
  run(bin('publint'), ['--strict', tarball]);
  run(bin('attw'), [tarball, '--profile', 'esm-only']);
  step('a new project made from the package');
  await newProject(tarball);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log('\neverything is in order');

/** What a user does first: install, init, publish in one terminal, work in another. */
async function newProject(tarball) {
  const project = join(folder, 'project');
  run('npm', ['init', '-y', '--silent', '--prefix', folder], { cwd: folder, stdio: 'ignore' });
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error', tarball], { cwd: folder });
  run(join(folder, 'node_modules', '.bin', 'thrun'), ['init', project], { cwd: folder });
  const env = { ...process.env, NO_COLOR: '1' };
  const cli = join(folder, 'node_modules', '.bin', 'thrun');
  run(cli, ['discover'], { cwd: project, env });
  run(cli, ['publish', 'order_created', '{"order_id":123}'], { cwd: project, env });
  const worker = spawn(cli, ['work', '--limit', '1'], { cwd: project, env, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(worker, 'exit');
  if (code !== 0) throw new Error(`thrun work ended with ${code}`);
  const { stdout } = spawnSync(cli, ['queues', '--json'], { cwd: project, env, encoding: 'utf8' });
  const [queue] = JSON.parse(stdout);
  if (queue?.depth !== 0 || queue.dead !== 0) throw new Error(`the event was not handled: ${stdout}`);
}

function step(name) {
  console.log(`\n== ${name}`);
}
