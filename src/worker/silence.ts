import { performance } from 'node:perf_hooks';
import type { TransportNotice } from '../contracts/transport.js';
import type { Lane } from './lane.js';

/** How long a worker's lanes have been without an answer from their transports. All in ms. */
export interface Silence {
  /** The longest of a lane with room for more, and of a transport that could not be reached yet. */
  readonly silentMs: number;
  /** The transport of that one. */
  readonly silentOn: string | undefined;
  /**
   * The longest on a transport that does not say itself that it is lost: another process would do better. One that is
   * lost is being reconnected to, and a new process could do no more.
   */
  readonly stuckMs: number;
}

/** Knows which transports are lost, and since when others are there again. By `performance.now()`. */
export class SilenceWatch {
  readonly #lostAt = new Map<string, number>();
  readonly #foundAt = new Map<string, number>();

  hear(transport: string, { kind }: TransportNotice): void {
    if (kind === 'disconnected' && !this.#lostAt.has(transport)) this.#lostAt.set(transport, performance.now());
    if (kind === 'reconnected' && this.#lostAt.delete(transport)) this.#foundAt.set(transport, performance.now());
  }

  /** @param away transports that never answered yet */
  measure(lanes: readonly { readonly transport: string; readonly lane: Lane }[], away: ReadonlySet<string>): Silence {
    const now = performance.now();
    let silence: Silence = { silentMs: 0, silentOn: undefined, stuckMs: 0 };
    const note = (transport: string, silentMs: number, stuckMs: number) => {
      const stuck = Math.max(silence.stuckMs, stuckMs);
      silence =
        silentMs > silence.silentMs
          ? { silentMs, silentOn: transport, stuckMs: stuck }
          : { ...silence, stuckMs: stuck };
    };
    for (const { transport, lane } of lanes) {
      if (lane.full) continue;
      const since = Math.max(lane.lastAnswer, this.#foundAt.get(transport) ?? 0);
      note(transport, now - lane.lastAnswer, this.#lostAt.has(transport) ? 0 : now - since);
    }
    for (const transport of away) note(transport, now - (this.#lostAt.get(transport) ?? now), 0);
    return silence;
  }
}
