import type { RunningWorkers } from '../../supervisor/run-workers.js';
import type { Output } from '../output.js';
import type { LiveLine } from './live-line.js';
import { type StatsReader, statsText } from './stats.js';

const LOOK_MS = 1000;
/** A log is read later, and by somebody who wants it short. */
const LOG_EVERY = 10;

/** `--stats`: a live line on a terminal, a line every ten seconds elsewhere, JSON every second with `--json`. */
export function reportStats(
  running: RunningWorkers,
  reader: StatsReader,
  output: Output,
  line: LiveLine,
): () => Promise<void> {
  let looks = 0;
  let looking = Promise.resolve();
  const look = async () => {
    const stats = await reader.read(running.totals());
    if (output.json) output.document(stats);
    if (output.live) line.draw(statsText(stats));
    else if (!output.json && looks % LOG_EVERY === 0) output.note(statsText(stats));
    looks++;
  };
  const timer = setInterval(() => {
    // One after the other: a slow answer is not to be overtaken by the next.
    looking = looking.then(look);
  }, LOOK_MS);
  return async () => {
    clearInterval(timer);
    await looking;
    line.end();
    await reader.close();
  };
}
