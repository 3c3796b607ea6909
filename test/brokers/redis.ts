import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker } from './broker.js';
import { freePort, type Guarded, spawnGuarded } from './guarded.js';

export interface RedisServerOptions {
  /** When it syncs its log of changes. Default `everysec`: what a killed process wrote survives, a lost power supply does not. */
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  readonly password?: string;
  /** It is a sentinel, for the master at this port, which it calls `mymaster`. */
  readonly sentinel?: number;
  /** With these files it speaks TLS only. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Further lines of its configuration, as arguments: `['--maxmemory', '8mb']`. */
  readonly args?: readonly string[];
}

/** How often another port is tried when somebody was quicker. */
const TRIES = 5;

/** Starts a server of the test's own. */
export async function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  for (let left = TRIES; ; left--) {
    const folder = await mkdtemp(join(tmpdir(), 'thrun-redis-'));
    const server = new RedisServer(await freePort(), folder, options);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.dispose();
      if (left === 0 || !String(error).includes('Address already in use')) throw error;
    }
  }
}

/** A server that a test only talks to: the one of REDIS_URL, else one of its own. */
export async function someRedis(): Promise<Pick<Broker, 'url' | 'dispose'>> {
  const url = process.env['REDIS_URL'];
  // It keeps nothing on disk: nobody restarts it, and a busy disk would make it slow.
  return url ? { url, dispose: async () => undefined } : startRedis({ args: ['--appendonly', 'no'] });
}

export class RedisServer implements Broker {
  readonly url: string;
  #process: Guarded | undefined;

  constructor(
    readonly port: number,
    readonly folder: string,
    private readonly options: RedisServerOptions,
  ) {
    const { password, tls } = options;
    this.url = `${tls ? 'rediss' : 'redis'}://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`;
  }

  get pid(): number | undefined {
    return this.#process?.child.pid;
  }

  async start(): Promise<void> {
    if (this.#process) return;
    const { sentinel } = this.options;
    if (sentinel !== undefined)
      await writeFile(join(this.folder, 'sentinel.conf'), monitoring(sentinel), { flag: 'a' });
    const args = sentinel === undefined ? this.#arguments() : this.#sentinelArguments();
    const started = spawnGuarded('redis-server', args, { folder: this.folder });
    this.#process = started;
    void started.ended.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    await started.said(sentinel === undefined ? 'Ready to accept connections' : '+monitor master');
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

  #sentinelArguments(): string[] {
    return ['sentinel.conf', '--sentinel', '--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.folder];
  }

  #arguments(): string[] {
    const { appendfsync = 'everysec', password, tls, args = [] } = this.options;
    const port = String(this.port);
    return [
      ...(tls ? ['--port', '0', '--tls-port', port, '--tls-cert-file', tls.cert, '--tls-key-file', tls.key] : []),
      ...(tls ? ['--tls-ca-cert-file', tls.cert, '--tls-auth-clients', 'no'] : ['--port', port]),
      ...['--bind', '127.0.0.1', '--protected-mode', 'no', '--dir', this.folder],
      ...['--save', '', '--appendonly', 'yes', '--appendfsync', appendfsync],
      ...(password === undefined ? [] : ['--requirepass', password]),
      ...args,
    ];
  }
}

/** The file is the sentinel's own memory: it writes what it finds out. */
function monitoring(port: number): string {
  return `
sentinel monitor mymaster 127.0.0.1 ${port} 2
sentinel down-after-milliseconds mymaster 1000
sentinel failover-timeout mymaster 5000
`;
}
