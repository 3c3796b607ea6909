// `npm test`: installs and builds what is missing, then runs the tests. `--quick`: those that take under a minute in all;
// `--embedded`: those that need no broker and no other language, for another Node. Further arguments go to vitest. A broker
// named by REDIS_URL, AMQP_URL or KAFKA_BROKERS is used where a test need not kill it.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureKafka } from './kafka.mjs';
import { build, install, root } from './prepare.mjs';
import { ensureTools } from './tools.mjs';

/** Tests that start real servers, or programs in other languages. */
const WITH_BROKERS = [
  'test/brokers/**',
  'test/redis/**',
  'test/end-to-end/**',
  'test/batch/stores/redis*',
  'test/batch/stores/redis*/**',
  'test/batch/model/*redis*',
  'test/cli/{bridge*,replay*,routing}.test.ts',
  'test/transports/{kafka,rabbitmq,redis}*',
  'test/transports/{kafka,rabbitmq,redis}*/**',
];
/** Those that start many processes, or fill disks. */
const SLOW = ['test/cli/**', 'test/transports/sqlite/**', 'test/readme.test.ts'];

const MODES = {
  '--quick': { left: [...WITH_BROKERS, ...SLOW], env: { THRUN_QUICK: '1' } },
  '--embedded': { left: WITH_BROKERS, env: { THRUN_QUICK: '1' } },
};

const [first, ...rest] = process.argv.slice(2);
const mode = MODES[first];

install();
if (!mode) {
  ensureTools({
    ...(process.env.REDIS_URL ? {} : { 'redis-server': 'redis-server', 'redis-sentinel': 'redis-sentinel' }),
    [`${process.env.RABBITMQ_PROGRAMS ?? '/usr/lib/rabbitmq/bin'}/rabbitmq-server`]: 'rabbitmq-server',
    'amqp-publish': 'amqp-tools',
    ...{ java: 'openjdk-17-jre-headless', mvn: 'maven', kcat: 'kcat' },
    // Programs in other languages publish too, and are tested as they are.
    ...{ sqlite3: 'sqlite3', python3: 'python3', go: 'golang-go', php: ['php-cli', 'php-sqlite3'] },
    '/usr/share/php/PhpAmqpLib/autoload.php': 'php-amqplib',
    '/usr/lib/python3/dist-packages/pika': 'python3-pika',
    '/usr/lib/python3/dist-packages/confluent_kafka': 'python3-confluent-kafka',
    ...(phpHas('redis') ? {} : { 'php with redis': 'php-redis' }),
  });
  ensureKafka();
}
build();

const left = (mode?.left ?? []).flatMap((glob) => ['--exclude', glob]);
const args = ['run', ...left, ...(mode ? rest : process.argv.slice(2))];
const { status } = spawnSync(process.execPath, [join(root, 'node_modules', 'vitest', 'vitest.mjs'), ...args], {
  cwd: root,
  stdio: 'inherit',
  // Tests that try random cases try fewer of them.
  env: { ...process.env, ...mode?.env },
});
process.exitCode = status ?? 1;

function phpHas(extension) {
  return spawnSync('php', ['-r', `exit(extension_loaded('${extension}') ? 0 : 1);`]).status === 0;
}
