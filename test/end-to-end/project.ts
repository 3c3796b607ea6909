import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createThrun, type Thrun, type ThrunConfig } from '../../src/index.js';

const REPOSITORY = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const THRUN = join(REPOSITORY, 'bin', 'thrun.js');

/** One line of the ledger: a listener was handed this delivery. */
export interface Handled {
  readonly id: string;
  readonly event: string;
  readonly attempt: number;
  readonly pid: number;
  /** Ms since the epoch. */
  readonly at: number;
  /** What the listener says of itself: `begin`, `end`, … */
  readonly step?: string;
}

export interface ProjectOptions {
  /** Where this process publishes; the config has to say the same. Default: the project's own database. */
  readonly broker?: ThrunConfig;
  /** What its processes find in their environment besides. */
  readonly environment?: NodeJS.ProcessEnv;
}

/** A user's project in a folder of its own, worked by real processes. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'thrun-e2e-'));
  readonly database = join(this.folder, '.thrun', 'thrun.db');
  readonly #running = new Set<Command>();
  readonly #apps: Thrun[] = [];

  /**
   * @param listeners source of listeners/main.ts; `ledger(context)` and `GiveUp`, `RetryLater` are at hand
   */
  constructor(
    listeners: string,
    config = '{}',
    private readonly more: ProjectOptions = {},
  ) {
    for (const name of ['listeners', 'node_modules', 'ledger']) mkdirSync(join(this.folder, name));
    symlinkSync(REPOSITORY, join(this.folder, 'node_modules', 'thrun'));
    this.write('package.json', '{"name":"e2e","type":"module"}');
    this.write('thrun.config.ts', `export default ${config};\n`);
    this.write(
      'ledger.ts',
      `import { appendFileSync } from 'node:fs';
import type { EventContext } from 'thrun';
export function ledger({ event, meta, attempt }: EventContext, more: object = {}): void {
  const line = JSON.stringify({ id: meta.event_id, event, attempt, pid: process.pid, at: Date.now(), ...more });
  appendFileSync(${JSON.stringify(join(this.folder, 'ledger'))} + '/' + process.pid + '.ndjson', line + '\\n');
}
`,
    );
    this.listeners(listeners);
  }

  listeners(source: string): void {
    const head = `import { type EventContext, GiveUp, RetryLater, ThrunEventListener } from 'thrun';\nimport { ledger } from '../ledger.js';\nvoid [GiveUp, RetryLater, ledger];\n`;
    this.write('listeners/main.ts', head + source);
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  /** Runs a command to its end. */
  run(...args: string[]): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
    return spawnSync(process.execPath, [THRUN, ...args], { cwd: this.folder, encoding: 'utf8', env: this.#env() });
  }

  start(...args: string[]): Command {
    return this.startProgram(process.execPath, THRUN, ...args);
  }

  /** Another program, in the project's folder. */
  startProgram(program: string, ...args: string[]): Command {
    const command = new Command(spawn(program, args, { cwd: this.folder, env: this.#env() }));
    this.#running.add(command);
    return command;
  }

  /** This process as a publisher. */
  async publisher(config: ThrunConfig = {}): Promise<Thrun> {
    const thrun = await createThrun({
      group: 'e2e',
      logLevel: 'silent',
      transports: { sqlite: { path: this.database } },
      ...this.more.broker,
      ...config,
    });
    this.#apps.push(thrun);
    return thrun;
  }

  /** Has this process begun something that it has not ended? */
  isRunning(pid: number): boolean {
    const path = join(this.folder, 'ledger', `${pid}.ndjson`);
    const lines = existsSync(path) ? readFileSync(path, 'utf8') : '';
    return lines.split('"step":"begin"').length > lines.split('"step":"end"').length;
  }

  handled(): Handled[] {
    const folder = join(this.folder, 'ledger');
    return readdirSync(folder).flatMap((file) =>
      readFileSync(join(folder, file), 'utf8')
        .split('\n')
        // A process that was killed may have left half a line.
        .filter((line) => line.endsWith('}'))
        .map((line) => JSON.parse(line) as Handled),
    );
  }

  /** Resolves when the ledger satisfies `condition`; rejects with `what` after a minute. */
  until(what: string, condition: (handled: Handled[]) => boolean, ms = 60_000): Promise<void> {
    return eventually(what, () => condition(this.handled()), join(this.folder, 'ledger'), ms);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.#apps.map((app) => app.close()));
    for (const command of this.#running) command.kill('SIGKILL');
    await Promise.all([...this.#running].map((command) => command.exit));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', ...this.more.environment };
  }
}

/** A command that runs, and what it has said so far. */
export class Command {
  stdout = '';
  stderr = '';
  readonly exit: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #waiting = new Set<() => void>();

  constructor(private readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => this.#heard('stdout', chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#heard('stderr', chunk));
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** The worker processes it has now. */
  workers(): number[] {
    return this.#pgrep('-f', 'worker-main');
  }

  /** Every process it has started and that still runs. */
  children(): number[] {
    return this.#pgrep();
  }

  #pgrep(...filter: string[]): number[] {
    try {
      const found = execFileSync('pgrep', ['-P', String(this.pid), ...filter], { encoding: 'utf8' });
      return found.trim().split('\n').map(Number);
    } catch {
      // It found none.
      return [];
    }
  }

  /** Resolves when it has said `text` so often; rejects with all it said after half a minute, or when it ends without. */
  says(text: string | RegExp, times = 1, ms = 30_000): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (why?: string) => {
        const said = `${this.stderr}${this.stdout}`.split(text).length > times;
        if (!said && why === undefined) return;
        this.#waiting.delete(look);
        clearTimeout(deadline);
        if (said) resolve();
        else reject(new Error(`${why} ${text}:\n${this.stdout}${this.stderr}`));
      };
      const deadline = setTimeout(() => look('it never said'), ms);
      this.#waiting.add(look);
      void this.exit.then(() => look('it ended without'));
      look();
    });
  }

  #heard(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this[stream] += chunk.toString();
    for (const wake of Array.from(this.#waiting)) wake();
  }
}

/** Looks again at every change in `folder` until `condition` holds. */
export async function eventually(what: string, condition: () => boolean, folder: string, ms = 60_000): Promise<void> {
  if (condition()) return;
  await new Promise<void>((resolve, reject) => {
    const look = () => {
      try {
        if (!condition()) return;
        stop();
        resolve();
      } catch (error) {
        stop();
        reject(error as Error);
      }
    };
    const watcher = watch(folder, look);
    // A change that came before the watcher stood, and file systems that tell nothing.
    const again = setInterval(look, 250);
    const deadline = setTimeout(() => {
      stop();
      reject(new Error(`not within ${ms} ms: ${what}`));
    }, ms);
    const stop = () => {
      watcher.close();
      clearInterval(again);
      clearTimeout(deadline);
    };
    look();
  });
}

export function fileExists(file: string): boolean {
  return existsSync(file);
}
