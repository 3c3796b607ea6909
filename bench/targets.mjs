import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ensureKafka } from '../scripts/kafka.mjs';
import { testBroker } from './brokers.mjs';
import * as kafka from './contenders/kafka/index.mjs';
import * as rabbitmq from './contenders/rabbitmq/index.mjs';
import * as redis from './contenders/redis/index.mjs';
import * as sqlite from './contenders/index.mjs';

const BENCH = fileURLToPath(new URL('.', import.meta.url));

/**
 * On what is measured: `durabilities` with the heading of their table, the `pairs` of thrun and raw client, the `peers`,
 * where these are installed, and `serve`, which starts a broker where there is one and empties it before each measurement.
 */
export const TARGETS = {
  sqlite: {
    contenders: sqlite.CONTENDERS,
    peers: sqlite.PEERS,
    pairs: [['thrun', 'raw']],
    durabilities: { normal: 'synchronous = NORMAL', full: 'synchronous = FULL' },
    install: () => installIn(BENCH, 'plainjob'),
    serve: async () => ({ fresh: () => ({}), stop: async () => undefined }),
  },
  redis: {
    contenders: redis.CONTENDERS,
    peers: redis.PEERS,
    pairs: redis.PAIRS,
    durabilities: { everysec: 'append-only file, fsync every second' },
    install: () => installIn(fileURLToPath(new URL('contenders/redis/', import.meta.url)), 'bullmq'),
    serve: async (data) => {
      const { startRedis } = await testBroker('redis');
      const redis = await startRedis({ below: data });
      const fresh = () => {
        execFileSync('redis-cli', ['-p', redis.port, 'FLUSHALL'], { stdio: 'ignore' });
        return { url: redis.url };
      };
      return { fresh, stop: () => redis.dispose() };
    },
  },
  rabbitmq: {
    contenders: rabbitmq.CONTENDERS,
    peers: rabbitmq.PEERS,
    pairs: rabbitmq.PAIRS,
    durabilities: { confirmed: 'quorum queues, every publish confirmed' },
    install: () => installIn(fileURLToPath(new URL('contenders/rabbitmq/', import.meta.url)), 'rascal'),
    serve: async (data) => {
      const { startRabbitmq } = await testBroker('rabbitmq');
      return queuesOf(await startRabbitmq({ below: data }));
    },
  },
  kafka: {
    contenders: kafka.CONTENDERS,
    peers: kafka.PEERS,
    pairs: kafka.PAIRS,
    durabilities: { confirmed: 'one broker, topics of four partitions, every publish confirmed by all replicas' },
    install: () => {
      ensureKafka();
      installIn(fileURLToPath(new URL('contenders/kafka/', import.meta.url)), 'kafkajs');
    },
    serve: async (data) => {
      const { startKafka } = await testBroker('kafka');
      const broker = await startKafka({ below: data, isMeasured: true });
      const { makeOffsetsTopic, warmUp } = await import('./contenders/kafka/topic.mjs');
      await makeOffsetsTopic(broker.url);
      await warmUp(broker.url);
      return queuesOf(broker);
    },
  },
};

/** Another queue for each measurement. */
function queuesOf(broker) {
  let number = 0;
  return { fresh: () => ({ url: broker.url, queue: `bench-${++number}` }), stop: () => broker.dispose() };
}

function installIn(folder, peer) {
  if (existsSync(`${folder}/node_modules/${peer}`)) return;
  console.error('installing the peers; better-sqlite3 may have to be compiled, which takes minutes');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: folder, stdio: ['ignore', 2, 2] });
}
