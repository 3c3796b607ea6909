import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Broker } from './broker.js';
import { freePort, type Guarded, spawnGuarded } from './guarded.js';

/** Not the wrappers in the path: they change to another user. */
const PROGRAMS = '/usr/lib/rabbitmq/bin';

export interface RabbitmqNodeOptions {
  /** Further lines of its configuration: `consumer_timeout = 1000`. */
  readonly config?: readonly string[];
  /** Erlang terms that the configuration has no lines for: `{rabbit, [{channel_tick_interval, 500}]}`. */
  readonly advanced?: string;
  /** Its TLS listener; the port is in `tlsPort`. Paths of PEM files. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

/** The daemon that Erlang nodes find each other by: on a port of its own, and gone with us. */
class PortMapper {
  private constructor(
    readonly port: number,
    readonly folder: string,
    private readonly process: Guarded,
  ) {}

  static async start(): Promise<PortMapper> {
    const folder = await mkdtemp(join(tmpdir(), 'thrun-epmd-'));
    const port = await freePort();
    const mapper = spawnGuarded('epmd', ['-port', String(port), '-address', '127.0.0.1'], { folder });
    await listening(port);
    return new PortMapper(port, folder, mapper);
  }

  async stop(): Promise<void> {
    this.process.signal('SIGKILL');
    await this.process.ended;
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Starts a node of the test's own. */
export async function startRabbitmq(options: RabbitmqNodeOptions = {}): Promise<RabbitmqNode> {
  const [node] = await startNodes(1, options);
  if (!node) throw new Error('no node');
  return node;
}

/** Starts nodes that make one cluster. */
export async function startCluster(size: number, options: RabbitmqNodeOptions = {}): Promise<readonly RabbitmqNode[]> {
  const nodes = await startNodes(size, options);
  const [first, ...others] = nodes;
  for (const node of others) {
    await node.control('stop_app');
    await node.control('join_cluster', first?.name ?? '');
    await node.control('start_app');
  }
  return nodes;
}

async function startNodes(count: number, options: RabbitmqNodeOptions): Promise<readonly RabbitmqNode[]> {
  const mapper = await PortMapper.start();
  const nodes: RabbitmqNode[] = [];
  const gone = async (node: RabbitmqNode) => {
    nodes.splice(nodes.indexOf(node), 1);
    if (nodes.length === 0) await mapper.stop();
  };
  for (let i = 0; i < count; i++) {
    const folder = await mkdtemp(join(tmpdir(), 'thrun-rabbitmq-'));
    const ports = { amqp: await freePort(), dist: await freePort(), tls: await freePort() };
    nodes.push(new RabbitmqNode(folder, ports, mapper.port, options, gone));
  }
  const all = [...nodes];
  try {
    await Promise.all(all.map((node) => node.start()));
    return all;
  } catch (error) {
    await Promise.all(all.map((node) => node.dispose()));
    throw error;
  }
}

export class RabbitmqNode implements Broker {
  readonly url: string;
  readonly name: string;
  #process: Guarded | undefined;

  constructor(
    readonly folder: string,
    readonly ports: { readonly amqp: number; readonly dist: number; readonly tls: number },
    private readonly mapperPort: number,
    private readonly options: RabbitmqNodeOptions,
    private readonly onGone: (node: RabbitmqNode) => Promise<void>,
  ) {
    this.url = `amqp://127.0.0.1:${ports.amqp}`;
    this.name = `thrun-${ports.amqp}@localhost`;
  }

  async start(): Promise<void> {
    if (this.#process) return;
    await this.#write();
    const started = spawnGuarded(join(PROGRAMS, 'rabbitmq-server'), [], { folder: this.folder, env: this.#env });
    this.#process = started;
    void started.ended.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    await started.said('completed with');
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
    await this.onGone(this);
  }

  /** rabbitmqctl. @returns what it said */
  async control(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(join(PROGRAMS, 'rabbitmqctl'), ['-q', ...args], { env: this.#env });
    return stdout;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (!running) return;
    running.signal(signal);
    await running.ended;
  }

  async #write(): Promise<void> {
    const { config = [], advanced = '', tls } = this.options;
    await mkdir(join(this.folder, 'home'), { recursive: true });
    await writeFile(join(this.folder, 'home/.erlang.cookie'), 'THRUNTESTS', { mode: 0o400 }).catch(() => undefined);
    await writeFile(join(this.folder, 'enabled_plugins'), '[].');
    await writeFile(join(this.folder, 'advanced.config'), `[${advanced}].`);
    const lines = [
      `listeners.tcp.1 = 127.0.0.1:${this.ports.amqp}`,
      'disk_free_limit.absolute = 50MB',
      'vm_memory_high_watermark.absolute = 2GB',
      'log.console = false',
      ...(tls
        ? [
            `listeners.ssl.1 = 127.0.0.1:${this.ports.tls}`,
            `ssl_options.cacertfile = ${tls.ca}`,
            `ssl_options.certfile = ${tls.cert}`,
            `ssl_options.keyfile = ${tls.key}`,
          ]
        : []),
      ...config,
    ];
    await writeFile(join(this.folder, 'rabbitmq.conf'), `${lines.join('\n')}\n`);
  }

  get #env(): NodeJS.ProcessEnv {
    const { folder, ports, mapperPort } = this;
    return {
      PATH: process.env.PATH,
      LANG: 'C.UTF-8',
      HOME: join(folder, 'home'),
      RABBITMQ_CONF_ENV_FILE: '/dev/null',
      RABBITMQ_NODENAME: this.name,
      RABBITMQ_MNESIA_BASE: join(folder, 'mnesia'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, 'advanced.config'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'enabled_plugins'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
      RABBITMQ_DIST_PORT: String(ports.dist),
      ERL_EPMD_PORT: String(mapperPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      // Without the shell around it that turns signals into commands: they reach the node itself.
      RUNNING_UNDER_SYSTEMD: '1',
      // No busy waiting on few cores, nothing on other interfaces.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
        '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
    };
  }
}

async function listening(port: number): Promise<void> {
  for (const giveUpAt = Date.now() + 10_000; ; ) {
    const isThere = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isThere) return;
    if (Date.now() > giveUpAt) throw new Error(`nobody listens on port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
