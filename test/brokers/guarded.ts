import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';

export interface GuardedOptions {
  /** Deleted as well when this process dies. */
  readonly folder: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A server that cannot outlive this process, and the processes it starts itself. */
export interface Guarded {
  readonly child: ChildProcess;
  /** What it has said so far. */
  readonly output: () => string;
  /** Resolves when it says this; rejects with what it said when it ends before. */
  said(text: string): Promise<void>;
  /** To it and to what it started. */
  signal(signal: NodeJS.Signals): void;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
}

/** Reads until its end of the pipe is closed, which the death of our process does whatever it died of. */
const GUARD = 'cat >/dev/null; kill -9 "-$1" 2>/dev/null; rm -rf -- "$2"';

export function spawnGuarded(command: string, args: readonly string[], { folder, env }: GuardedOptions): Guarded {
  // A group of its own, so that a signal reaches what it starts, and Ctrl-C here does not reach it.
  const child = spawn(command, args, { cwd: folder, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const guard =
    child.pid === undefined
      ? undefined
      : spawn('sh', ['-c', GUARD, 'guard', String(child.pid), folder], {
          detached: true,
          stdio: ['pipe', 'ignore', 'ignore'],
        });
  let output = '';
  child.stdout?.on('data', (chunk: Buffer) => (output += String(chunk)));
  child.stderr?.on('data', (chunk: Buffer) => (output += String(chunk)));
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      output += `${command} cannot be started: ${error.message}`;
      resolve();
    });
    child.on('exit', () => resolve());
  });
  // Its number may soon be somebody else's.
  void ended.then(() => guard?.kill('SIGKILL'));
  return {
    child,
    output: () => output,
    ended,
    async said(text) {
      const heard = new Promise<void>((resolve) => {
        const look = () => output.includes(text) && resolve();
        child.stdout?.on('data', look);
        look();
      });
      const died = ended.then(() => Promise.reject(new Error(`${command} ended before it was ready:\n${output}`)));
      await Promise.race([heard, died]);
    },
    signal(signal) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-child.pid, signal);
    },
  };
}

/** A port of the loopback interface that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const [port] = await freePorts(1);
  return port as number;
}

/** So many at once are different from each other: one that is given back may be the next that is given. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
