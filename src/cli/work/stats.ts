import { type Thrun, thrunFrom } from '../../app.js';
import type { ResolvedConfig } from '../../config/resolve.js';
import type { Counts } from '../../observability/counters.js';
import type { Totals } from '../../supervisor/supervisor.js';
import { SILENT } from '../project.js';

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

/** Looks at the workers and at the queues; the latter over a connection of its own. */
export class StatsReader {
  readonly #config: ResolvedConfig;
  readonly #queues: ReadonlySet<string> | undefined;
  #thrun: Thrun | undefined;
  #lastSettled = 0;
  #lastAt = performance.now();

  constructor(config: ResolvedConfig, queues: readonly string[] | undefined) {
    this.#config = config;
    this.#queues = queues && new Set(queues);
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

  async close(): Promise<void> {
    await this.#thrun?.close();
  }

  /** The figures are a help; a transport that is away for a while is no reason to stop the workers. */
  async #depth(): Promise<number | null> {
    try {
      this.#thrun ??= await thrunFrom({ ...this.#config, logger: SILENT });
      const { queues, traits } = await this.#thrun.transport();
      // What lives in the worker's process alone cannot be seen from here.
      if (!queues || !traits.multiProcess) return null;
      const own = (await queues.stats()).filter(
        ({ queue, group }) => group === this.#config.group && (this.#queues?.has(queue) ?? true),
      );
      return own.reduce((sum, { depth }) => sum + depth, 0);
    } catch {
      return null;
    }
  }
}

function settledOf({ succeeded, retried, postponed, dead, unhandled }: Counts): number {
  return succeeded + retried + postponed + dead + unhandled;
}

export function statsText({ rate, active, retried, failed, depth, processes }: Stats): string {
  const up = `${processes} ${processes === 1 ? 'process' : 'processes'}`;
  return `${rate}/s · ${active} active · ${retried} retried · ${failed} failed · depth ${depth ?? '?'} · ${up}`;
}
