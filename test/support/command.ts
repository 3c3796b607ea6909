import { type ChildProcess, execFileSync } from 'node:child_process';

/** How a command ended, and all it printed. */
export interface Ended {
  /** Null: a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command under way, what it has said so far, and what it has started. */
export class Command {
  stdout = '';
  stderr = '';
  readonly ended: Promise<Ended>;
  readonly #waiting = new Set<() => void>();

  constructor(readonly child: ChildProcess) {
    child.stdout?.on('data', (chunk: Buffer) => this.#heard('stdout', chunk));
    child.stderr?.on('data', (chunk: Buffer) => this.#heard('stderr', chunk));
    this.ended = new Promise((resolve) => {
      child.once('close', (code) => resolve({ code, stdout: this.stdout, stderr: this.stderr }));
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
      void this.ended.then(() => look('it ended without'));
      look();
    });
  }

  #heard(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this[stream] += chunk.toString();
    for (const wake of Array.from(this.#waiting)) wake();
  }
}
