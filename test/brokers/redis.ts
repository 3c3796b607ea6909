import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Broker } from './broker.js';
import type { Program } from './guarded.js';
import { freePort } from './ports.js';
import { newFolder, type Placement, Server, startOne } from './server.js';

export interface RedisServerOptions extends Placement {
  /**
   * When it syncs its log of changes. Default `everysec`: a write waits up to two seconds for a sync that takes long, and is lost
   * with a process that is killed meanwhile. Whoever kills it and counts wants `always`.
   */
  readonly appendfsync?: 'always' | 'everysec' | 'no';
  readonly password?: string;
  /** It is a sentinel, for the master at this port, which it calls `mymaster`. */
  readonly sentinel?: number;
  /** With these files it speaks TLS only. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Further lines of its configuration, as arguments: `['--maxmemory', '8mb']`. */
  readonly args?: readonly string[];
}

/** Starts a server of the test's own. */
export function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  return startOne(async () => new RedisServer(await freePort(), await newFolder('redis', options), options));
}

/** A server that a test only talks to: the one of REDIS_URL, else one of its own. */
export async function someRedis(): Promise<Pick<Broker, 'url' | 'dispose'>> {
  const url = process.env['REDIS_URL'];
  // It keeps nothing on disk: nobody restarts it, and a busy disk would make it slow.
  return url ? { url, dispose: async () => undefined } : startRedis({ args: ['--appendonly', 'no'] });
}

export class RedisServer extends Server {
  readonly url: string;
  protected readonly ready: string;

  constructor(
    readonly port: number,
    folder: string,
    private readonly options: RedisServerOptions,
  ) {
    super(folder);
    const { password, sentinel, tls } = options;
    this.url = `${tls ? 'rediss' : 'redis'}://${password === undefined ? '' : `:${encodeURIComponent(password)}@`}127.0.0.1:${port}`;
    this.ready = sentinel === undefined ? 'Ready to accept connections' : '+monitor master';
  }

  protected async program(): Promise<Program> {
    const { sentinel } = this.options;
    if (sentinel === undefined) return { command: 'redis-server', args: this.#arguments() };
    await writeFile(join(this.folder, 'sentinel.conf'), monitoring(sentinel), { flag: 'a' });
    return { command: 'redis-server', args: this.#sentinelArguments() };
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
