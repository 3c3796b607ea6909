import { Console } from 'node:console';
import { plainJson } from './plain-text.js';

/** Words that stand out, where the reader's terminal can show it; unchanged where it cannot. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
  green(text: string): string;
}

/** The way to stdout for results alone: see {@link Output.open}. */
const toStdout = process.stdout.write.bind(process.stdout);
const toStderr = process.stderr.write.bind(process.stderr);

const same = (text: string): string => text;
const UNPAINTED: Paint = { bold: same, dim: same, red: same, yellow: same, green: same };

/**
 * Where everything that is printed goes: results to stdout, what people are told on the way to stderr. With `--json`
 * stdout carries JSON and nothing else.
 */
export class Output {
  readonly json: boolean;
  readonly verbose: boolean;
  /** Colours for what goes to stdout, and for what goes to stderr: one may be a pipe and the other a terminal. */
  readonly paint: Paint;
  readonly notePaint: Paint;
  /** Someone watches stderr: spinners, bars and a live line have a place. */
  readonly live: boolean;
  /** Columns of stdout; undefined where it has none. */
  readonly width: number | undefined;
  #closed = false;
  #failure: Error | undefined;
  #onClosed: () => void = () => undefined;

  private constructor(flags: OutputFlags, paint: Paint, notePaint: Paint) {
    this.json = flags.json;
    this.verbose = flags.verbose;
    this.paint = paint;
    this.notePaint = notePaint;
    this.live = isLively(process.stderr);
    this.width = process.stdout.columns > 0 ? process.stdout.columns : undefined;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      // Whoever read us has had enough (`| head -1`): that is no failure of ours. A full disk is.
      if (error.code !== 'EPIPE') this.#failure ??= error;
      this.#close();
    });
    process.stderr.on('error', () => undefined);
  }

  static async open(flags: OutputFlags): Promise<Output> {
    // What configs and listeners print while they are loaded is no result of ours.
    globalThis.console = new Console(process.stderr, process.stderr);
    process.stdout.write = toStderr;
    const out = isColourful(process.stdout);
    const err = isColourful(process.stderr);
    if (!out && !err) return new Output(flags, UNPAINTED, UNPAINTED);
    const { Chalk } = await import('chalk');
    const paint = new Chalk({ level: 1 });
    return new Output(flags, out ? paint : UNPAINTED, err ? paint : UNPAINTED);
  }

  /** A line of the result, for people; nothing with `--json`. */
  line(text = ''): void {
    if (!this.json) this.#write(`${text}\n`);
  }

  /** The result as a JSON document, or one of a stream of them: each is one line. */
  document(value: unknown): void {
    this.#write(`${plainJson(value)}\n`);
  }

  /** What a command prints about itself. */
  help(text: string): void {
    this.#write(text);
  }

  /** A line on the way: progress, hints, what happened. */
  note(text = ''): void {
    toStderr(`${text}\n`);
  }

  warn(text: string): void {
    this.note(`${this.notePaint.yellow('warning:')} ${text}`);
  }

  /** Calls `run` when nobody reads stdout any more, for commands that would otherwise go on for ever. */
  onClosed(run: () => void): void {
    this.#onClosed = run;
    if (this.#closed) run();
  }

  /**
   * Resolves when everything is written: a pipe takes what its reader has room for, and the process ends after this.
   * @throws when the result could not be written where it was to go
   */
  async end(): Promise<void> {
    await this.flush();
    // Streams tell of a write that failed a moment later.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#failure) throw this.#failure;
  }

  async flush(): Promise<void> {
    await Promise.all([drained(process.stdout, toStdout), drained(process.stderr, toStderr)]);
  }

  #write(text: string): void {
    if (!this.#closed) toStdout(text);
  }

  #close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#onClosed();
  }
}

/** Also when nobody reads the stream any more. */
function drained(stream: NodeJS.WriteStream, write: NodeJS.WriteStream['write']): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed) resolve();
    else write('', () => resolve());
  });
}

export interface OutputFlags {
  readonly json: boolean;
  readonly verbose: boolean;
}

/** https://no-color.org: set and not empty means no colour. FORCE_COLOR is for CI logs, which are no terminals. */
function isColourful(stream: NodeJS.WriteStream): boolean {
  const { NO_COLOR = '', FORCE_COLOR = '' } = process.env;
  if (NO_COLOR !== '') return false;
  return isTerminal(stream) || (FORCE_COLOR !== '' && FORCE_COLOR !== '0' && FORCE_COLOR !== 'false');
}

/** A terminal that says it is 0 wide (in some containers) cannot be drawn on: what clears a line would never end. */
function isLively(stream: NodeJS.WriteStream): boolean {
  return (
    isTerminal(stream) && stream.columns > 0 && (process.env.NO_COLOR ?? '') === '' && (process.env.CI ?? '') === ''
  );
}

function isTerminal(stream: NodeJS.WriteStream): boolean {
  return stream.isTTY && process.env.TERM !== 'dumb';
}
