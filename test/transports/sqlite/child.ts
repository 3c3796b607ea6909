import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';
import { onTestFinished } from 'vitest';
import { REPOSITORY } from '../../support/build.js';

const TRANSPORT = pathToFileURL(join(REPOSITORY, 'dist/transports/sqlite/sqlite-transport.js')).href;

/** What every script begins with. `say` is written at once: what was said has happened, however the process ends. */
const PRELUDE = `
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { SqliteTransport } from ${JSON.stringify(TRANSPORT)};
const say = (...words) => writeSync(1, words.join(' ') + '\\n');
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const told = async () => (await lines.next()).value;
const message = (text) => ({ body: Buffer.from(text), event: 'child' });
const [path, ...args] = process.argv.slice(1);
`;
/** With nothing left to hear it has to end by itself: whatever still ran would be a leak. */
const POSTLUDE = '\nprocess.stdin.destroy();';

/** A process of its own that a test steers line by line. Killed after the test, if it still runs. */
export class Child {
  readonly lines: string[] = [];
  readonly exit: Promise<void>;
  readonly #process: ChildProcessWithoutNullStreams;
  #errors = '';
  #ended = false;
  #read = 0;
  #wake: () => void = () => undefined;

  constructor(
    script: string,
    args: readonly string[],
    identity: { readonly uid?: number; readonly gid?: number } = {},
  ) {
    this.#process = spawn(
      process.execPath,
      ['--input-type=module', '-e', PRELUDE + script + POSTLUDE, ...args],
      identity,
    );
    this.#process.stderr.on('data', (text) => (this.#errors += String(text)));
    // A killed process reads no more.
    this.#process.stdin.on('error', () => undefined);
    const output = createInterface({ input: this.#process.stdout });
    output.on('line', (line) => {
      this.lines.push(line);
      this.#wake();
    });
    this.exit = new Promise((resolve) => {
      const end = () => {
        this.#ended = true;
        this.#wake();
        resolve();
      };
      this.#process.on('close', end);
      // It could not be started at all.
      this.#process.on('error', (error) => {
        this.#errors += error.message;
        end();
      });
    });
    onTestFinished(() => this.kill());
  }

  /** The next line it says. */
  async said(): Promise<string> {
    while (this.lines.length <= this.#read) {
      if (this.#ended) throw new Error(`the process ended before it said more: ${this.#errors}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    return this.lines[this.#read++] ?? '';
  }

  tell(line = ''): void {
    this.#process.stdin.write(`${line}\n`);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (!this.#ended) this.#process.kill(signal);
  }
}
