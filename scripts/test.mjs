// `npm test`: installs and builds what is missing, then runs the tests. `--quick`: those that take under a minute in all.
// Further arguments go to vitest.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, install, root } from './prepare.mjs';

install();
build();

const [first, ...rest] = process.argv.slice(2);
const quick = first === '--quick';
// What starts processes of its own, or fills disks, is for the whole run.
const slow = ['test/end-to-end/**', 'test/cli/**', 'test/transports/sqlite/**', 'test/readme.test.ts'];
const args = quick ? [...slow.flatMap((glob) => ['--exclude', glob]), ...rest] : process.argv.slice(2);
const { status } = spawnSync(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args], {
  cwd: root,
  stdio: 'inherit',
  // Tests that try random cases try fewer of them.
  env: { ...process.env, ...(quick && { THRUN_QUICK: '1' }) },
});
process.exitCode = status ?? 1;
