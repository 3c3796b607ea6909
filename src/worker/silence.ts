import { performance } from 'node:perf_hooks';
import type { TransportNotice } from '../contracts/transport.js';
import type { Lane } from './lane.js';

/** How long a worker has been without its transports, ms. */
export interface Silence {
  /**
   * The longest time since a lane with room was answered by its transport. An outage that the transport knows of is not
   * counted: it looks for its broker, and no other process would find it sooner.
   */
  readonly silentMs: number;
  /** The transport of that lane. */
  readonly silentOn: string | undefined;
  /** The longest outage of a transport that knows of it, or that could not be reached yet. */
  readonly awayMs: number;
  readonly awayFrom: string | undefined;
}

/** Knows which transports are lost, and since when others are there again. By `performance.now()`. */
export class SilenceWatch {
  readonly #lostAt = new Map<string, number>();
  readonly #foundAt = new Map<string, number>();

  hear(transport: string, { kind }: TransportNotice): void {
    if (kind === 'disconnected' && !this.#lostAt.has(transport)) this.#lostAt.set(transport, performance.now());
    if (kind === 'reconnected' && this.#lostAt.delete(transport)) this.#foundAt.set(transport, performance.now());
  }

  measure(lanes: readonly { readonly transport: string; readonly lane: Lane }[]): Silence {
    const now = performance.now();
    const silent = { ms: 0, on: undefined as string | undefined };
    const away = { ms: 0, on: undefined as string | undefined };
    for (const { transport, lane } of lanes) {
      if (lane.full || this.#lostAt.has(transport)) continue;
      longest(silent, transport, now - Math.max(lane.lastAnswer, this.#foundAt.get(transport) ?? 0));
    }
    for (const [transport, since] of this.#lostAt) longest(away, transport, now - since);
    return { silentMs: silent.ms, silentOn: silent.on, awayMs: away.ms, awayFrom: away.on };
  }
}

function longest(so: { ms: number; on: string | undefined }, transport: string, ms: number): void {
  if (ms <= so.ms) return;
  so.ms = ms;
  so.on = transport;
}
