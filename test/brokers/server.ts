import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Broker } from './broker.js';
import { type Guarded, type Program, spawnGuarded } from './guarded.js';

export interface Placement {
  /** Where its folder is made. Default: where temporary ones are, which may be in memory. */
  readonly below?: string;
}

/** A folder of a server's own. */
export function newFolder(name: string, { below = tmpdir() }: Placement = {}): Promise<string> {
  return mkdtemp(join(below, `thrun-${name}-`));
}

/** One process in a folder: what all kinds of broker have in common. */
export abstract class Server implements Broker {
  abstract readonly url: string;
  #process: Guarded | undefined;

  constructor(readonly folder: string) {}

  /** Before each start: writes what the program reads. */
  protected abstract program(): Promise<Program> | Program;

  /** What it says when it takes connections. */
  protected abstract readonly ready: string;

  get pid(): number | undefined {
    return this.#process?.child.pid;
  }

  /** What it has said so far. */
  get output(): string {
    return this.#process?.output() ?? '';
  }

  async start(): Promise<void> {
    if (this.#process) return;
    const started = spawnGuarded(await this.program(), this.folder);
    this.#process = started;
    void started.ended.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    await started.said(this.ready);
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
}

/** How often other ports are tried when somebody was quicker. */
const TRIES = 5;

/** Starts them all, or leaves none behind. `make` looks for free ports. */
export async function startAll<Made extends Server>(make: () => Promise<readonly Made[]>): Promise<readonly Made[]> {
  for (let left = TRIES; ; left--) {
    const servers = await make();
    try {
      await Promise.all(servers.map((server) => server.start()));
      return servers;
    } catch (error) {
      await Promise.all(servers.map((server) => server.dispose()));
      if (left === 0 || !/address already in use|eaddrinuse/i.test(String(error))) throw error;
    }
  }
}

export async function startOne<Made extends Server>(make: () => Promise<Made>): Promise<Made> {
  const [server] = await startAll(async () => [await make()]);
  return server as Made;
}
