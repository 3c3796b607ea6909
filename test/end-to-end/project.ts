import { spawn, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createThrun, type Thrun, type ThrunConfig } from '../../src/index.js';
import { REPOSITORY, THRUN } from '../support/build.js';
import { Command, type Ended } from '../support/command.js';
import { eventually } from '../support/eventually.js';

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
  run(...args: string[]): Ended {
    const options = { cwd: this.folder, encoding: 'utf8', env: this.#env() } as const;
    const { status: code, stdout, stderr } = spawnSync(process.execPath, [THRUN, ...args], options);
    return { code, stdout, stderr };
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
    await Promise.all([...this.#running].map((command) => command.ended));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #env(): NodeJS.ProcessEnv {
    return { ...process.env, NO_COLOR: '1', NODE_OPTIONS: '', ...this.more.environment };
  }
}
