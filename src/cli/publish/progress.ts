import type { Output } from '../output.js';

export interface Progress {
  update(published: number, bytesRead: number): void;
  stop(): void;
}

const UNSEEN: Progress = { update: () => undefined, stop: () => undefined };

/** A bar on stderr where somebody watches: by bytes where their number is known, else a count. */
export async function progressOf(output: Output, size: number | undefined): Promise<Progress> {
  if (!output.live) return UNSEEN;
  const { default: bars } = await import('cli-progress');
  const format =
    size === undefined ? '{published} published' : '{bar} {percentage}% | {published} published | {duration_formatted}';
  const bar = new bars.SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true, fps: 10 },
    bars.Presets.shades_classic,
  );
  bar.start(size ?? 0, 0, { published: 0 });
  return { update: (published, bytesRead) => bar.update(bytesRead, { published }), stop: () => bar.stop() };
}
