import type { Bridge, BridgeNotice } from '../../bridge/bridge.js';
import { maskSecrets } from '../../contracts/secrets.js';
import { formatDuration } from '../../contracts/units.js';
import type { Output } from '../output.js';
import { plain } from '../plain-text.js';
import { LiveLine } from '../work/live-line.js';

const LOOK_MS = 1000;
/** A log is read later, and by somebody who wants it short. */
const LOG_EVERY = 10;

/** Says how a bridge gets on: a live line on a terminal, a line every ten seconds elsewhere. */
export class BridgeProgress {
  readonly #output: Output;
  readonly #line: LiveLine;

  constructor(output: Output) {
    this.#output = output;
    this.#line = new LiveLine(output);
  }

  /** A warning, above the line. */
  say(text: string | undefined): void {
    if (text !== undefined) this.#line.say(() => this.#output.warn(text));
  }

  /** Returns a function that ends it; calling that twice is safe. */
  follow(bridge: Bridge): () => void {
    let before = 0;
    let looks = 0;
    const timer = setInterval(() => {
      const { moved, skipped, dead } = bridge.counts;
      const text = `${Math.max(0, moved - before)}/s · ${moved} moved · ${skipped} left out · ${dead} dead`;
      before = moved;
      looks++;
      if (this.#output.live) this.#line.draw(text);
      else if (!this.#output.json && looks % LOG_EVERY === 0) this.#output.note(text);
    }, LOOK_MS);
    return () => {
      clearInterval(timer);
      this.#line.end();
    };
  }
}

/** What a person should hear of; undefined: nothing. */
export function noticeText(notice: BridgeNotice, from: string, to: string): string | undefined {
  if (notice.kind === 'waiting') {
    const { queue, error, pauseMs } = notice;
    const why = plain(maskSecrets(error.message));
    return `${plain(to)} does not take them for ${plain(queue)}: ${why} Trying again in ${formatDuration(pauseMs)}.`;
  }
  switch (notice.notice.kind) {
    case 'disconnected':
      return `${plain(from)} is lost, reconnecting: ${plain(maskSecrets(notice.notice.error.message))}`;
    case 'reconnected':
      return `${plain(from)} is back.`;
    case 'degraded':
      return `${plain(from)}: ${plain(notice.notice.message)}`;
    case 'lease_lost':
      return undefined;
  }
}
