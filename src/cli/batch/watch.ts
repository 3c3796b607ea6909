import { setTimeout as pause } from 'node:timers/promises';
import type { Batches } from '../../batch/batches.js';
import { progressOf } from '../../batch/lifecycle.js';
import type { BatchRecord } from '../../contracts/batch-store.js';
import type { Output } from '../output.js';

/** Between two looks at the store, ms. */
const LOOK_MS = 100;
/** After the end: how long its last events may take to be sent, ms. They are sent without us as well. */
const LAST_EVENTS_MS = 2000;

/**
 * Looks until the batch has ended and its last events are sent, drawing a bar where somebody watches. Resolves to how it ended;
 * undefined when it was left alone before: Ctrl-C, or nobody reads any more.
 * @param onChange called after each change that was seen, with `--json`
 */
export async function watch(
  batches: Batches,
  id: string,
  output: Output,
  onChange: () => Promise<void>,
): Promise<BatchRecord | undefined> {
  const interruption = new AbortController();
  const { signal } = interruption;
  const interrupt = () => interruption.abort();
  // Once: whoever presses Ctrl-C again wants the process gone.
  process.once('SIGINT', interrupt);
  output.onClosed(interrupt);
  const bar = await barOf(output);
  try {
    let last = '';
    let endedAt: number | undefined;
    while (!signal.aborted) {
      const batch = await batches.get(id);
      const left = (await batches.store.outbox(id)).length;
      const seen = JSON.stringify([batch, left]);
      if (seen !== last) {
        bar.draw(batch);
        if (output.json) await onChange();
      }
      last = seen;
      if (batch.finishedAt !== undefined) {
        endedAt ??= performance.now();
        if (left === 0 || performance.now() - endedAt > LAST_EVENTS_MS) return batch;
      }
      await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
    }
    output.note('Not watching any more; the batch goes on.');
    return undefined;
  } finally {
    bar.stop();
    process.off('SIGINT', interrupt);
  }
}

interface Bar {
  draw(batch: BatchRecord): void;
  stop(): void;
}

/** On a terminal a bar, elsewhere a line for each job that is done; with `--json` there are documents enough. */
async function barOf(output: Output): Promise<Bar> {
  if (!output.live) return linesOf(output);
  const { default: bars } = await import('cli-progress');
  const format = '{bar} {percentage}% | {completed} of {total_jobs} | {failed} failed | {duration_formatted}';
  const bar = new bars.SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true, fps: 10 },
    bars.Presets.shades_classic,
  );
  const figures = { completed: 0, total_jobs: 0, failed: 0 };
  bar.start(100, 0, figures);
  return {
    draw: (batch) => {
      const { percent, completed, total, failed } = progressOf(batch);
      bar.update(percent, { completed, total_jobs: total, failed });
    },
    stop: () => bar.stop(),
  };
}

function linesOf(output: Output): Bar {
  let last = -1;
  return {
    draw: (batch) => {
      const { completed, total, percent, failed } = progressOf(batch);
      if (!output.json && completed !== last) {
        output.note(`${completed} of ${total} (${percent}%)${failed > 0 ? `, ${failed} failed` : ''}`);
      }
      last = completed;
    },
    stop: () => undefined,
  };
}
