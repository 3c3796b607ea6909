import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { noCounts } from '../observability/counters.js';
import type { Holding } from '../worker/sources.js';
import type { Beat, ToSupervisor, ToWorker, WorkerSpec } from './protocol.js';

const ENTRY = fileURLToPath(new URL('./worker-main.js', import.meta.url));

export interface WorkerProcessEvents {
  readonly onReady: (worker: WorkerProcess) => void;
  readonly onBeat: (worker: WorkerProcess) => void;
  readonly onAsk: (worker: WorkerProcess, count: number) => void;
  readonly onExit: (worker: WorkerProcess, end: WorkerEnd) => void;
}

export interface WorkerEnd {
  /** It drained, by our word or a signal, and ended well. */
  readonly expected: boolean;
  /** For people: `signal SIGKILL`, `exit code 1`. */
  readonly how: string;
  /** It said it cannot start. */
  readonly failed: { readonly message: string; readonly usage: boolean } | undefined;
}

/** One forked worker as its supervisor sees it. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #events: WorkerProcessEvents;
  #failed: WorkerEnd['failed'];
  #ending = false;
  #drained = false;
  ready = false;
  /** What it consumes, once it is ready. */
  queues: readonly string[] = [];
  /** When it last showed that its event loop turns, by `performance.now()`. */
  lastBeatAt = performance.now();
  /** It was told off for a silence that still lasts. */
  blockedSaid = false;
  /** Under which names it holds what it receives. Until it says so, what it replaces: should it die before, the next one does. */
  holdings: readonly Holding[];
  beat: Beat = {
    counts: noCounts(),
    activity: { active: 0, held: 0, empty: false, silentMs: 0, silentOn: undefined, awayMs: 0, awayFrom: undefined },
    empty: false,
    rss: 0,
  };

  /** @param replaces what the process held whose place it takes, if that one died */
  constructor(spec: WorkerSpec, replaces: readonly Holding[], events: WorkerProcessEvents) {
    this.#events = events;
    this.holdings = replaces;
    this.#child = fork(ENTRY, [], {
      execArgv: [...process.execArgv, '--enable-source-maps'],
      // What listeners print belongs to the people's side; stdout is the supervisor's own.
      stdio: ['ignore', 2, 2, 'ipc'],
      serialization: 'advanced',
    });
    this.#child.on('message', (message) => this.#hear(message as ToSupervisor));
    this.#child.on('error', () => undefined);
    this.#child.once('exit', (code, signal) => this.#exited(code, signal));
    this.#send({ type: 'start', spec, replaces });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** It was told to end. */
  get ending(): boolean {
    return this.#ending;
  }

  drain(): void {
    if (this.#ending) return;
    this.#ending = true;
    this.#send({ type: 'drain' });
  }

  grant(count: number): void {
    this.#send({ type: 'granted', count });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #hear(message: ToSupervisor): void {
    this.lastBeatAt = performance.now();
    this.blockedSaid = false;
    switch (message.type) {
      case 'ready':
        this.ready = true;
        this.queues = message.queues;
        return this.#events.onReady(this);
      case 'beat':
        this.beat = message.beat;
        return this.#events.onBeat(this);
      case 'holdings':
        this.holdings = message.holdings;
        return;
      case 'ask':
        return this.#events.onAsk(this, message.count);
      case 'drained':
        this.#drained = true;
        return;
      case 'failed':
        this.#failed = message;
        return;
    }
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    this.#events.onExit(this, {
      expected: code === 0 && this.#drained,
      how: endingOf(code, signal),
      failed: this.#failed,
    });
  }
}

function endingOf(code: number | null, signal: NodeJS.Signals | null): string {
  if (signal) return `signal ${signal}`;
  return code === 0 ? 'exit code 0, unasked: something in it calls process.exit()' : `exit code ${code}`;
}
