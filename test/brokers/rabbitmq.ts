import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Program } from './guarded.js';
import { freePort, freePorts } from './ports.js';
import { newFolder, type Placement, Server, startAll, startOne } from './server.js';

/** Not the wrappers in the path: they change to another user. The folder of another version can be named. */
const PROGRAMS = process.env['RABBITMQ_PROGRAMS'] ?? '/usr/lib/rabbitmq/bin';

export interface RabbitmqNodeOptions extends Placement {
  /** Further lines of its configuration: `consumer_timeout = 1000`. */
  readonly config?: readonly string[];
  /** Erlang terms that the configuration has no lines for: `{rabbit, [{channel_tick_interval, 500}]}`. */
  readonly advanced?: string;
  /** Its TLS listener; the port is in `tlsPort`. Paths of PEM files. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
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

/** The daemon that Erlang nodes find each other by: on a port of its own, and gone with the last of them. */
class PortMapper extends Server {
  readonly url: string;
  protected readonly ready = 'entering the main select() loop';
  readonly nodes = new Set<RabbitmqNode>();

  constructor(
    readonly port: number,
    folder: string,
  ) {
    super(folder);
    this.url = `127.0.0.1:${port}`;
  }

  protected program(): Program {
    // It says that it is ready only to those who ask for much.
    return { command: 'epmd', args: ['-debug', '-debug', '-port', String(this.port), '-address', '127.0.0.1'] };
  }

  async left(node: RabbitmqNode): Promise<void> {
    this.nodes.delete(node);
    if (this.nodes.size === 0) await this.dispose();
  }
}

function startNodes(count: number, options: RabbitmqNodeOptions): Promise<readonly RabbitmqNode[]> {
  return startAll(async () => {
    const mapper = await startOne(async () => new PortMapper(await freePort(), await newFolder('epmd', options)));
    const free = await freePorts(3 * count);
    for (let i = 0; i < count; i++) {
      const [amqp = 0, dist = 0, tls = 0] = free.slice(3 * i);
      mapper.nodes.add(new RabbitmqNode(await newFolder('rabbitmq', options), { amqp, dist, tls }, mapper, options));
    }
    return [...mapper.nodes];
  });
}

export class RabbitmqNode extends Server {
  readonly url: string;
  readonly name: string;
  protected readonly ready = 'completed with';

  constructor(
    folder: string,
    readonly ports: { readonly amqp: number; readonly dist: number; readonly tls: number },
    private readonly mapper: PortMapper,
    private readonly options: RabbitmqNodeOptions,
  ) {
    super(folder);
    this.url = `amqp://127.0.0.1:${ports.amqp}`;
    this.name = `thrun-${ports.amqp}@localhost`;
  }

  protected async program(): Promise<Program> {
    await this.#write();
    return { command: join(PROGRAMS, 'rabbitmq-server'), args: [], env: this.#env };
  }

  override async dispose(): Promise<void> {
    await super.dispose();
    await this.mapper.left(this);
  }

  /** rabbitmqctl. @returns what it said */
  async control(...args: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(join(PROGRAMS, 'rabbitmqctl'), ['-q', ...args], { env: this.#env });
    return stdout;
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
    const { folder, ports, mapper } = this;
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
      ERL_EPMD_PORT: String(mapper.port),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      // Without the shell around it that turns signals into commands: they reach the node itself.
      RUNNING_UNDER_SYSTEMD: '1',
      // No busy waiting on few cores, nothing on other interfaces.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
        '+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}',
    };
  }
}
