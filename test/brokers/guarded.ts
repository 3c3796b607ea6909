import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';

export interface Program {
  readonly command: string;
  readonly args: readonly string[];
  /** Default: the environment of this process. */
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

/** Starts it in this folder, which is deleted as well when our process dies. */
export function spawnGuarded({ command, args, env }: Program, folder: string): Guarded {
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
  let heard = () => {};
  for (const pipe of [child.stdout, child.stderr]) {
    pipe.on('data', (chunk: Buffer) => {
      output += String(chunk);
      heard();
    });
  }
  const ended = new Promise<void>((resolve) => {
    child.on('error', (error) => {
      output += `${command} cannot be started: ${error.message}`;
      resolve();
    });
    child.on('exit', () => resolve());
  });
  // Its last words come after its end.
  const fallenSilent = ended.then(() => Promise.all([child.stdout, child.stderr].map(atEnd)));
  // Its number may soon be somebody else's.
  void ended.then(() => guard?.kill('SIGKILL'));
  return {
    child,
    output: () => output,
    ended,
    async said(text) {
      const isSaid = new Promise<void>((resolve) => {
        heard = () => output.includes(text) && resolve();
        heard();
      });
      const died = fallenSilent.then(() =>
        Promise.reject(new Error(`${command} ended before it was ready:\n${output}`)),
      );
      await Promise.race([isSaid, died]);
      heard = () => {};
    },
    signal(signal) {
      if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
      process.kill(-child.pid, signal);
    },
  };
}

/** Whatever becomes of it. */
function atEnd(pipe: Readable): Promise<void> {
  return finished(pipe).catch(() => undefined);
}
