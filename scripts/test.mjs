// `npm test`: installs and builds what is missing, then runs the tests. `--quick`: those that take under a minute in all.
// Further arguments go to vitest. A broker named by REDIS_URL is used where a test need not kill it, and not installed.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { build, install, root } from './prepare.mjs';
import { ensureTools } from './tools.mjs';

const [first, ...rest] = process.argv.slice(2);
const quick = first === '--quick';

install();
if (!quick) {
  ensureTools({
    ...(process.env.REDIS_URL ? {} : { 'redis-server': 'redis-server', 'redis-sentinel': 'redis-sentinel' }),
    // Programs in other languages publish too, and are tested as they are.
    ...{ sqlite3: 'sqlite3', python3: 'python3', go: 'golang-go', php: ['php-cli', 'php-sqlite3'] },
  });
}
build();

// What starts processes of its own, or fills disks, is for the whole run.
const slow = [
  'test/brokers/**',
  'test/redis/**',
  'test/end-to-end/**',
  'test/cli/**',
  'test/transports/sqlite/**',
  'test/transports/redis*',
  'test/transports/redis*/**',
  'test/readme.test.ts',
];
const args = quick ? [...slow.flatMap((glob) => ['--exclude', glob]), ...rest] : process.argv.slice(2);
const { status } = spawnSync(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args], {
  cwd: root,
  stdio: 'inherit',
  // Tests that try random cases try fewer of them.
  env: { ...process.env, ...(quick && { THRUN_QUICK: '1' }) },
});
process.exitCode = status ?? 1;
