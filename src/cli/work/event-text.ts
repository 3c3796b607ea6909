import { formatDuration } from '../../contracts/units.js';
import type { RunEvent } from '../../supervisor/run-workers.js';
import { plain, plainLines } from '../plain-text.js';

export interface Said {
  readonly text: string;
  /** Somebody should look at it. */
  readonly warning: boolean;
}

/** What happens to the worker processes, in words. */
export function eventText(event: RunEvent, drainMs: number): Said {
  switch (event.kind) {
    case 'ready':
      return note(`Process ${event.pid} is ready.`);
    case 'crashed':
      return warning(
        `Process ${event.pid} crashed (${plain(event.how)}); another one starts in ${formatDuration(event.restartMs)}.`,
      );
    case 'blocked': {
      const then = event.killed ? 'it is killed and replaced' : 'a listener does not let go of it';
      return warning(
        `The event loop of process ${event.pid} has been blocked for ${formatDuration(event.ms)}: ${then}.`,
      );
    }
    case 'not_consuming':
      return warning(
        `Process ${event.pid} does not consume: the transport has not answered it for ${formatDuration(event.ms)}. It is replaced.`,
      );
    case 'recycled':
      return note(
        `Process ${event.pid} holds ${Math.round(event.rss / 1024 ** 2)}M, over the memory limit. It drains and is replaced.`,
      );
    case 'draining':
      return note(
        `Draining (${plain(event.why)}): what runs may take ${formatDuration(drainMs)}, the rest is handed back.`,
      );
    case 'stale_manifest':
      return warning(`The manifest is stale: ${event.reasons.map(plain).join(', ')}. Run "thrun discover".`);
    case 'reloading':
      return note(`${event.files.map(plain).join(', ')} changed. The processes are replaced.`);
    case 'build_failed':
      return warning(
        `The processes go on as they are, for what changed cannot be used:\n${plainLines(event.error.message)}`,
      );
  }
}

function note(text: string): Said {
  return { text, warning: false };
}

function warning(text: string): Said {
  return { text, warning: true };
}
