import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createThrun } from '../../src/index.js';
import { REPOSITORY, THRUN } from '../support/build.js';
import { Command, type Ended } from '../support/command.js';

export interface RunOptions {
  readonly input?: string | Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  /** Relative to the project. */
  readonly cwd?: string;
}

/** A user's project, and the real command line in it. */
export class Shop {
  // The name tells the test runner to keep its module loader out of it.
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'thrun-project-')));
  readonly #running = new Set<Command>();

  constructor(files: Readonly<Record<string, string>> = {}) {
    mkdirSync(join(this.folder, 'node_modules'));
    symlinkSync(REPOSITORY, join(this.folder, 'node_modules', 'thrun'), 'junction');
    this.write({ 'package.json': '{"name":"shop","type":"module"}', ...files });
  }

  path(file: string): string {
    return join(this.folder, file);
  }

  write(files: Readonly<Record<string, string | Uint8Array>>): void {
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(this.path(file)), { recursive: true });
      writeFileSync(this.path(file), content);
    }
  }

  read(file: string): string {
    return readFileSync(this.path(file), 'utf8');
  }

  has(file: string): boolean {
    return existsSync(this.path(file));
  }

  /** Runs a command to its end. */
  run(args: readonly string[], { input, ...options }: RunOptions = {}): Promise<Ended> {
    const running = this.start(args, options);
    running.child.stdin?.on('error', () => undefined);
    running.child.stdin?.end(input ?? '');
    return running.ended;
  }

  /** Runs a command that has to succeed, and reads what it printed as one JSON document. */
  async json<Value = never>(args: readonly string[], options: RunOptions = {}): Promise<Value> {
    const { code, stdout, stderr } = await this.run([...args, '--json'], options);
    if (code !== 0) throw new Error(`thrun ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`);
    return JSON.parse(stdout) as Value;
  }

  start(args: readonly string[], { env = {}, cwd = '.' }: RunOptions = {}): Command {
    return this.#keep(spawn(process.execPath, [THRUN, ...args], { cwd: this.path(cwd), env: environment(env) }));
  }

  /** A line of a shell, in which `thrun` is the command. */
  shell(line: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> {
    const script = `thrun() { ${JSON.stringify(process.execPath)} ${JSON.stringify(THRUN)} "$@"; }\n${line}`;
    const running = this.#keep(spawn('bash', ['-c', script], { cwd: this.folder, env: environment(env) }));
    running.child.stdin?.end();
    return running.ended;
  }

  /** Puts bytes on the queue as a foreign program would. */
  async deliver(body: Uint8Array | string, queue = 'events'): Promise<void> {
    const path = this.path('.thrun/thrun.db');
    const thrun = await createThrun({ group: 'foreign', logLevel: 'silent', transports: { sqlite: { path } } });
    await (await thrun.transport()).publish(queue, [{ body: Buffer.from(body), event: 'foreign' }]);
    await thrun.close();
  }

  /** Everything that is ready in a queue, as text, as a group of its own receives it. */
  async received(queue = 'events'): Promise<readonly string[]> {
    const path = this.path('.thrun/thrun.db');
    const thrun = await createThrun({ logLevel: 'silent', transports: { sqlite: { path } } });
    const transport = await thrun.transport();
    const options = { queue, group: 'reader', visibilityMs: 30_000, onNotice: () => undefined };
    const consumer = await transport.consume(options);
    const bodies: string[] = [];
    for (;;) {
      const deliveries = await consumer.next(1000, { waitMs: 0 });
      bodies.push(...deliveries.map(({ body }) => Buffer.from(body).toString()));
      if (deliveries.length === 0) break;
    }
    await thrun.close();
    return bodies;
  }

  async dispose(): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL');
    await Promise.all([...this.#running].map(({ ended }) => ended));
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #keep(child: ChildProcess): Command {
    const running = new Command(child);
    this.#running.add(running);
    void running.ended.then(() => this.#running.delete(running));
    return running;
  }
}

function environment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { FORCE_COLOR: _force, NO_COLOR: _no, CI: _ci, ...inherited } = process.env;
  return { ...inherited, NODE_OPTIONS: '', ...env };
}

/** Listeners to one event that is handled, one that is given up on, a job on a queue of its own, and a pattern. */
export const LISTENERS = {
  'listeners/all.ts': `import { type EventContext, GiveUp, type JobContext, ThrunEventListener, ThrunJob } from 'thrun';

@ThrunEventListener('order_created')
export class OrderCreated {
  handle(payload: { order_id: number }) {
    console.log('handled order', payload.order_id);
  }
}

@ThrunEventListener('order_refused')
export class OrderRefused {
  handle(payload: { why: string }) {
    throw new GiveUp(payload.why);
  }
}

@ThrunEventListener('payment.*')
export class PaymentAudit {
  handle(payload: unknown, context: EventContext) {
    console.log('audited', context.event);
  }
}

@ThrunJob('send_mail', { queue: 'mail' })
export class SendMail {
  constructor(readonly payload: unknown) {}
  handle(context: JobContext) {
    console.log('mailed', context.event);
  }
}
`,
};
