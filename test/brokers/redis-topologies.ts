import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { freePort } from './ports.js';
import { type RedisServer, startRedis } from './redis.js';

const run = promisify(execFile);

/** Three masters that share the slots; no replicas. What one has confirmed survives that it is killed. */
export async function startCluster(): Promise<readonly RedisServer[]> {
  const nodes = await Promise.all(
    [1, 2, 3].map(async () => {
      const bus = String(await freePort());
      return startRedis({
        appendfsync: 'always',
        args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-port', bus],
      });
    }),
  );
  try {
    await connect(nodes);
  } catch (error) {
    await Promise.all(nodes.map((node) => node.dispose()));
    throw error;
  }
  return nodes;
}

async function connect(nodes: readonly RedisServer[]): Promise<void> {
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '0', '--cluster-yes']);
  await Promise.all(nodes.map(settled));
}

/** Each node has to hear from the others that all slots are served before it serves its own. */
async function settled({ port }: RedisServer): Promise<void> {
  const giveUpAt = performance.now() + 20_000;
  for (;;) {
    const { stdout } = await run('redis-cli', ['-p', String(port), 'cluster', 'info']);
    if (stdout.includes('cluster_state:ok') && stdout.includes('cluster_known_nodes:3')) return;
    if (performance.now() > giveUpAt) throw new Error(`the cluster does not come to terms:\n${stdout}`);
  }
}

export interface SentinelSetup {
  readonly master: RedisServer;
  readonly replica: RedisServer;
  /** `host:port` of each. */
  readonly sentinels: readonly string[];
  dispose(): Promise<void>;
}

/** A master called `mymaster`, its replica, and three sentinels that agree on its death within a second or two. */
export async function startSentinels(): Promise<SentinelSetup> {
  const master = await startRedis();
  const replica = await startRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] });
  const sentinels = await Promise.all([1, 2, 3].map(() => startRedis({ sentinel: master.port })));
  return {
    master,
    replica,
    sentinels: sentinels.map(({ port }) => `127.0.0.1:${port}`),
    dispose: async () => {
      await Promise.all([...sentinels, master, replica].map((server) => server.dispose()));
    },
  };
}
