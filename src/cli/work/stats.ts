import type { ResolvedConfig } from '../../config/resolved-config.js';
import type { Transport } from '../../contracts/transport.js';
import type { Counts } from '../../observability/counters.js';
import type { Totals } from '../../supervisor/supervisor.js';
import { TransportsReader } from '../each-transport.js';
import type { TransportFlag } from '../project.js';

/** One look at what the workers do. The names are those of `--json`. */
export interface Stats {
  readonly kind: 'stats';
  /** Deliveries that came to an end of some kind, a second, since the last look. */
  readonly rate: number;
  readonly active: number;
  readonly succeeded: number;
  readonly retried: number;
  readonly failed: number;
  /** Ready in the queues of this group; null where that cannot be told. */
  readonly depth: number | null;
  readonly processes: number;
}

/** Looks at the workers and at the queues; the latter over connections of its own. */
export class StatsReader {
  readonly #group: string;
  readonly #queues: ReadonlySet<string> | undefined;
  readonly #transports: TransportsReader;
  #lastSettled = 0;
  #lastAt = performance.now();

  constructor(config: ResolvedConfig, flags: TransportFlag & { readonly queue?: readonly string[] }) {
    this.#group = config.group;
    this.#queues = flags.queue && new Set(flags.queue);
    this.#transports = new TransportsReader(config, flags);
  }

  async read({ counts, active, processes }: Totals): Promise<Stats> {
    const depth = await this.#depth();
    const now = performance.now();
    const settled = settledOf(counts);
    const rate = ((settled - this.#lastSettled) * 1000) / Math.max(1, now - this.#lastAt);
    this.#lastSettled = settled;
    this.#lastAt = now;
    return {
      kind: 'stats',
      rate: Math.max(0, Number(rate.toFixed(1))),
      active,
      succeeded: counts.succeeded,
      retried: counts.retried,
      failed: counts.dead,
      depth,
      processes,
    };
  }

  close(): Promise<void> {
    return this.#transports.close();
  }

  /** The figures are a help; a transport that is away for a while is no reason to stop the workers. */
  async #depth(): Promise<number | null> {
    try {
      const depths = await this.#transports.read((transport) => this.#depthOn(transport));
      return depths.reduce((sum, depth) => (sum === null || depth === null ? null : sum + depth), 0);
    } catch {
      return null;
    }
  }

  async #depthOn({ name, queues, traits }: Transport): Promise<number | null> {
    // What lives in the worker's process alone cannot be seen from here.
    if (!queues || !traits.multiProcess) return null;
    const own = (await queues.stats()).filter(({ queue, group }) => group === this.#group && this.#counts(name, queue));
    return own.reduce((sum, { depth }) => sum + depth, 0);
  }

  #counts(transport: string, queue: string): boolean {
    return this.#queues === undefined || this.#queues.has(queue) || this.#queues.has(`${transport}:${queue}`);
  }
}

function settledOf({ succeeded, retried, postponed, dead, unhandled }: Counts): number {
  return succeeded + retried + postponed + dead + unhandled;
}

export function statsText({ rate, active, retried, failed, depth, processes }: Stats): string {
  const up = `${processes} ${processes === 1 ? 'process' : 'processes'}`;
  return `${rate}/s · ${active} active · ${retried} retried · ${failed} failed · depth ${depth ?? '?'} · ${up}`;
}
