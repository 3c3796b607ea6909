import type { Clock } from '../contracts/clock.js';
import type { HistoryAccess, HistoryRange, PastEvent } from '../contracts/history.js';
import { decode, type Limits, Undecodable } from '../envelope/index.js';

export interface ReplayOptions {
  readonly history: HistoryAccess;
  readonly range: HistoryRange;
  /** Its name, for what an event lacks. */
  readonly transport: string;
  /** The one listener that is to have them; undefined: every listener of each event. */
  readonly listener: string | undefined;
  /** Only events of these names; undefined: all, what cannot be read included. */
  readonly matches: ((event: string) => boolean) | undefined;
  /** Most that are handed over in a second; undefined: as many as go. */
  readonly rate: number | undefined;
  readonly limits: Limits;
  readonly clock: Clock;
}

/** What a replay is about. */
export interface Extent {
  readonly events: number;
  /** When the first and the last of them were published, ms since the epoch. */
  readonly from: number | undefined;
  readonly to: number | undefined;
}

/** With a rate, events are handed over in portions of this long. */
const PORTION_MS = 100;

/** Hands old events to one group again, page by page. What it has handed over stays so, however it ends. */
export class Replay {
  readonly #options: ReplayOptions;
  /** Events that were chosen so far, and how many of these were there to be handed over. */
  chosen = 0;
  replayed = 0;
  /** Where the last one lies that was handed over. */
  position: string | undefined;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  /** Looks, and changes nothing. */
  async extent(): Promise<Extent> {
    let events = 0;
    let from: number | undefined;
    let to: number | undefined;
    for await (const page of this.#pages()) {
      events += page.length;
      for (const { publishedAt } of page) {
        if (publishedAt === undefined) continue;
        from = Math.min(from ?? publishedAt, publishedAt);
        to = Math.max(to ?? publishedAt, publishedAt);
      }
    }
    return { events, from, to };
  }

  /**
   * @param signal ends it between two portions
   * @throws {ThrunError} what the transport says that does not take them; what came before is handed over
   */
  async run(signal: AbortSignal): Promise<void> {
    const { history, range, listener, rate } = this.#options;
    const { queue, group } = range;
    const portion = rate === undefined ? Number.POSITIVE_INFINITY : Math.ceil((rate * PORTION_MS) / 1000);
    for await (const page of this.#pages()) {
      for (let at = 0; at < page.length; at += portion) {
        if (signal.aborted) return;
        const events = page.slice(at, at + portion);
        this.replayed += await history.replay(events, { queue, group, listener });
        this.chosen += events.length;
        this.position = events.at(-1)?.position;
        if (rate !== undefined && !signal.aborted) await this.#pause((events.length / rate) * 1000, signal);
      }
    }
  }

  /** Of each page what is wanted of it. */
  async *#pages(): AsyncGenerator<readonly PastEvent[]> {
    const { history, range } = this.#options;
    for await (const page of history.read(range)) {
      const wanted = page.filter((event) => this.#isWanted(event));
      if (wanted.length > 0) yield wanted;
    }
  }

  #isWanted({ body, id, publishedAt, cloudEvent }: PastEvent): boolean {
    const { matches, transport, limits, clock } = this.#options;
    if (!matches) return true;
    const envelope = decode(body, { transport, id, publishedAt, receivedAt: clock.now() }, limits, cloudEvent);
    return !(envelope instanceof Undecodable) && matches(envelope.event);
  }

  #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    return new Promise((resolve) => {
      const done = () => {
        cancel();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const cancel = clock.after(ms, done);
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
