import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { REPOSITORY } from '../support/build.js';
import type { Broker } from './broker.js';
import { freePort, type Guarded, spawnGuarded } from './guarded.js';

/** Where scripts/kafka.mjs puts what a broker is made of. */
const JARS = join(REPOSITORY, 'node_modules/.cache/thrun-kafka');

/** Small and quick to start: no second compiler, one collector, a heap of its tests' size. */
const JVM = [
  ...['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'],
  ...['-Djava.awt.headless=true', '-Dorg.slf4j.simpleLogger.logFile=System.out'],
  ...[
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
  ],
];

/** The name of every cluster here: they never meet. */
const CLUSTER = 'thrunthrunthrunthrun0A';

export interface KafkaOptions {
  /** Further lines of its configuration: `log.retention.ms=1000`. */
  readonly config?: readonly string[];
  /** Clients are told to come to this port for everything: that of a link that can be damaged, in front of `ports.behind`. */
  readonly advertised?: number;
}

interface Ports {
  readonly plain: number;
  readonly controller: number;
  /** Where the listener is that is advertised elsewhere. */
  readonly behind: number;
}

/** Starts a broker of the test's own. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaNode> {
  const [node] = await startNodes(1, options);
  if (!node) throw new Error('no node');
  return node;
}

/** Three brokers: every topic has three replicas, two of which confirm a write, so that one broker may die. */
export async function startKafkaCluster(options: KafkaOptions = {}): Promise<readonly KafkaNode[]> {
  return startNodes(3, options);
}

async function startNodes(count: number, options: KafkaOptions): Promise<readonly KafkaNode[]> {
  if (!existsSync(JARS)) throw new Error('Kafka was not fetched: run `npm test` once');
  const ports: Ports[] = [];
  for (let i = 0; i < count; i++)
    ports.push({ plain: await freePort(), controller: await freePort(), behind: await freePort() });
  const voters = ports.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(',');
  const nodes = await Promise.all(
    ports.map(async (own, i) => {
      const folder = await mkdtemp(join(tmpdir(), 'thrun-kafka-'));
      return new KafkaNode(i + 1, folder, own, [...quorum(voters, count), ...(options.config ?? [])], options);
    }),
  );
  try {
    await Promise.all(nodes.map((node) => node.start()));
    return nodes;
  } catch (error) {
    await Promise.all(nodes.map((node) => node.dispose()));
    throw error;
  }
}

/** A broker that is its own controller, or one of the three that elect one. */
export class KafkaNode implements Broker {
  readonly url: string;
  #process: Guarded | undefined;

  constructor(
    readonly id: number,
    readonly folder: string,
    readonly ports: Ports,
    private readonly config: readonly string[],
    private readonly options: KafkaOptions,
  ) {
    this.url = `127.0.0.1:${options.advertised ?? ports.plain}`;
  }

  /** What it has said so far. */
  get output(): string {
    return this.#process?.output() ?? '';
  }

  async start(): Promise<void> {
    if (this.#process) return;
    await this.#write();
    const args = [...JVM, '-cp', `${JARS}/*`, 'kafka.Kafka', 'server.properties'];
    const started = spawnGuarded('java', args, { folder: this.folder });
    this.#process = started;
    void started.ended.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    await started.said('Kafka Server started');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  pause(): void {
    this.#process?.signal('SIGSTOP');
  }

  resume(): void {
    this.#process?.signal('SIGCONT');
  }

  async dispose(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (!running) return;
    running.signal(signal);
    await running.ended;
  }

  async #write(): Promise<void> {
    const log = join(this.folder, 'log');
    await mkdir(log, { recursive: true });
    // What formatting a folder writes, without the seconds that it takes.
    const meta = `version=1\ncluster.id=${CLUSTER}\nnode.id=${this.id}\n`;
    await writeFile(join(log, 'meta.properties'), meta, { flag: 'wx' }).catch(() => undefined);
    const lines = [`node.id=${this.id}`, `log.dirs=${log}`, ...this.#listeners(), ...this.config];
    await writeFile(join(this.folder, 'server.properties'), `${lines.join('\n')}\n`);
  }

  #listeners(): readonly string[] {
    const { plain, controller, behind } = this.ports;
    const { advertised } = this.options;
    const listeners = [`PLAINTEXT://127.0.0.1:${plain}`, `CONTROLLER://127.0.0.1:${controller}`];
    const told = [`PLAINTEXT://127.0.0.1:${plain}`];
    if (advertised !== undefined) {
      listeners.push(`BEHIND://127.0.0.1:${behind}`);
      told.push(`BEHIND://127.0.0.1:${advertised}`);
    }
    return [
      `listeners=${listeners.join(',')}`,
      `advertised.listeners=${told.join(',')}`,
      'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,BEHIND:PLAINTEXT',
    ];
  }
}

function quorum(voters: string, count: number): readonly string[] {
  const replicas = count;
  const confirming = Math.max(1, count - 1);
  return [
    'process.roles=broker,controller',
    'controller.listener.names=CONTROLLER',
    'inter.broker.listener.name=PLAINTEXT',
    `controller.quorum.voters=${voters}`,
    `default.replication.factor=${replicas}`,
    `min.insync.replicas=${confirming}`,
    'offsets.topic.num.partitions=1',
    `offsets.topic.replication.factor=${replicas}`,
    `transaction.state.log.replication.factor=${replicas}`,
    `transaction.state.log.min.isr=${confirming}`,
    `share.coordinator.state.topic.replication.factor=${replicas}`,
    `share.coordinator.state.topic.min.isr=${confirming}`,
    // Who wants a topic says so: what would otherwise make one by asking for it goes unnoticed.
    'auto.create.topics.enable=false',
    // Members that die, and brokers, are noticed in a test's time.
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    'broker.heartbeat.interval.ms=500',
    'broker.session.timeout.ms=3000',
    'replica.lag.time.max.ms=5000',
    'log.cleaner.dedupe.buffer.size=1048577',
    'num.network.threads=2',
    'num.io.threads=4',
  ];
}
