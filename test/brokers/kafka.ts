import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { REPOSITORY } from '../support/build.js';
import type { Program } from './guarded.js';
import { HURRY, quorum, SCRAM, secureListener } from './kafka/properties.js';
import { freePorts } from './ports.js';
import { newFolder, type Placement, Server, startAll } from './server.js';

const { KAFKA_VERSION: VERSION } = process.env;

/** Where scripts/kafka.mjs puts what a broker is made of. */
export const JARS = join(REPOSITORY, 'node_modules/.cache', VERSION ? `thrun-kafka-${VERSION}` : 'thrun-kafka');

/** Small and quick to start: no second compiler, one collector, a heap of its tests' size. */
const SMALL = ['-Xms128m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];
const USUAL = ['-Xms512m', '-Xmx512m'];

const LOG = [
  '-Dorg.slf4j.simpleLogger.logFile=System.out',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info',
];

/** The name of every cluster here: they never meet. */
const CLUSTER = 'thrunthrunthrunthrun0A';

export interface KafkaOptions extends Placement {
  /** Its memory, threads and patience are those of a server. Default: small, and quick to notice who is gone. */
  readonly isMeasured?: boolean;
  /** Further lines of its configuration: `log.retention.ms=1000`. */
  readonly config?: readonly string[];
  /** Clients are told to come to this port for everything: that of a link that can be damaged, in front of `ports.behind`. */
  readonly advertised?: number;
  /** Its second listener, `secureUrl`, speaks TLS. Paths of PEM files. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Its second listener lets in only this one, by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512. */
  readonly user?: { readonly name: string; readonly password: string };
}

interface Ports {
  readonly plain: number;
  readonly controller: number;
  /** Where the listener is that is advertised elsewhere. */
  readonly behind: number;
  readonly secure: number;
}

/** Starts a broker of the test's own. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaNode> {
  const [node] = await startNodes(1, options);
  if (!node) throw new Error('no node');
  return node;
}

/** Three brokers: every topic has three replicas, two of which confirm a write, so that one broker may die. */
export async function startKafkaCluster(options: KafkaOptions = {}): Promise<readonly KafkaNode[]> {
  const nodes = await startNodes(3, options);
  // Each says that it has started before it has heard of the others: a topic made now would have fewer replicas.
  await Promise.all(nodes.map(({ url }) => hasHeardOf(url, nodes.length)));
  return nodes;
}

async function hasHeardOf(url: string, count: number): Promise<void> {
  const admin = new Kafka({ brokers: [url], logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  for (const giveUpAt = performance.now() + 20_000; ; ) {
    const { brokers } = await admin.describeCluster();
    if (brokers.length === count) break;
    if (performance.now() > giveUpAt) throw new Error(`the broker at ${url} knows ${brokers.length} of ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await admin.disconnect();
}

function startNodes(count: number, options: KafkaOptions): Promise<readonly KafkaNode[]> {
  if (!existsSync(JARS)) throw new Error('Kafka was not fetched: run `npm test` once');
  return startAll(() => newNodes(count, options));
}

async function newNodes(count: number, options: KafkaOptions): Promise<readonly KafkaNode[]> {
  const free = await freePorts(4 * count);
  const portsOf = (i: number): Ports => {
    const [plain = 0, controller = 0, behind = 0, secure = 0] = free.slice(4 * i);
    return { plain, controller, behind, secure };
  };
  const ports = Array.from({ length: count }, (_, i) => portsOf(i));
  const voters = ports.map(({ controller }, i) => `${i + 1}@127.0.0.1:${controller}`).join(',');
  const hurry = options.isMeasured ? [] : HURRY;
  const config = [...quorum(voters, count), ...hurry, ...(options.config ?? [])];
  return Promise.all(
    ports.map(async (own, i) => new KafkaNode(i + 1, await newFolder('kafka', options), own, config, options)),
  );
}

/** A broker that is its own controller, or one of the three that elect one. */
export class KafkaNode extends Server {
  readonly url: string;
  /** Where those come that speak TLS or say who they are. */
  readonly secureUrl: string;
  protected readonly ready = 'Kafka Server started';

  constructor(
    readonly id: number,
    folder: string,
    readonly ports: Ports,
    private readonly config: readonly string[],
    private readonly options: KafkaOptions,
  ) {
    super(folder);
    this.url = `127.0.0.1:${options.advertised ?? ports.plain}`;
    this.secureUrl = `127.0.0.1:${ports.secure}`;
  }

  protected async program(): Promise<Program> {
    await this.#write();
    const jvm = [...(this.options.isMeasured ? USUAL : SMALL), '-Djava.awt.headless=true', ...LOG];
    return { command: 'java', args: [...jvm, '-cp', `${JARS}/*`, 'kafka.Kafka', 'server.properties'] };
  }

  async #write(): Promise<void> {
    const log = join(this.folder, 'log');
    const properties = join(this.folder, 'server.properties');
    const secure = await secureListener(this.options);
    const listeners = this.#listeners(secure.protocol);
    const lines = [`node.id=${this.id}`, `log.dirs=${log}`, ...listeners, ...secure.lines, ...this.config];
    await writeFile(properties, `${lines.join('\n')}\n`);
    if (existsSync(log)) return;
    await mkdir(log);
    const { user } = this.options;
    if (user) await format(properties, user);
    // What formatting writes where there are no users to begin with, without the second that it takes.
    else await writeFile(join(log, 'meta.properties'), `version=1\ncluster.id=${CLUSTER}\nnode.id=${this.id}\n`);
  }

  #listeners(secureProtocol: string): readonly string[] {
    const { plain, controller, behind, secure } = this.ports;
    const { advertised = behind } = this.options;
    const at = (port: number) => `//127.0.0.1:${port}`;
    return [
      `listeners=PLAIN:${at(plain)},CONTROLLER:${at(controller)},BEHIND:${at(behind)},SECURE:${at(secure)}`,
      `advertised.listeners=PLAIN:${at(plain)},BEHIND:${at(advertised)},SECURE:${at(secure)}`,
      `listener.security.protocol.map=PLAIN:PLAINTEXT,CONTROLLER:PLAINTEXT,BEHIND:PLAINTEXT,SECURE:${secureProtocol}`,
    ];
  }
}

/** The way to have users before the first start. */
async function format(properties: string, { name, password }: NonNullable<KafkaOptions['user']>): Promise<void> {
  const users = SCRAM.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${name},password=${password}]`]);
  const args = ['-cp', `${JARS}/*`, 'kafka.tools.StorageTool', 'format', '-t', CLUSTER, '-c', properties, ...users];
  await promisify(execFile)('java', args);
}
