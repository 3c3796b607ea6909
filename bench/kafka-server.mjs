import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where scripts/kafka.mjs puts what a broker is made of. */
const JARS = fileURLToPath(new URL('../node_modules/.cache/thrun-kafka', import.meta.url));

/** A Kafka of the benchmark's own: one node, its own controller. It dies with this process. */
export async function startKafka(data) {
  const folder = mkdtempSync(join(data, 'kafka-'));
  const [port, controller] = [await freePort(), await freePort()];
  mkdirSync(join(folder, 'log'));
  writeFileSync(join(folder, 'log', 'meta.properties'), 'version=1\ncluster.id=thrunthrunthrunthrun0A\nnode.id=1\n');
  const lines = [
    'process.roles=broker,controller',
    'node.id=1',
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(folder, 'log')}`,
    'auto.create.topics.enable=false',
    'offsets.topic.num.partitions=1',
    'offsets.topic.replication.factor=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
  ];
  writeFileSync(join(folder, 'server.properties'), `${lines.join('\n')}\n`);
  const quiet = [
    '-Dorg.slf4j.simpleLogger.logFile=System.out',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  ];
  const args = ['-Xms512m', '-Xmx512m', ...quiet, '-cp', `${JARS}/*`, 'kafka.Kafka', 'server.properties'];
  const server = spawn('java', args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = () => {
    server.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.on('exit', stop);
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
  await new Promise((resolve, reject) => {
    let said = '';
    // Read to the end: a pipe that is full would stop it.
    server.stdout.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-10_000);
      if (said.includes('Kafka Server started')) resolve();
    });
    server.on('exit', () => reject(new Error(`the broker ended:\n${said}`)));
  });
  return { url: `127.0.0.1:${port}`, stop };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
