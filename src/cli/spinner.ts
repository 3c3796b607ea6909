import type { Output } from './output.js';

/** Runs `work` under a spinner where somebody watches; silently where nobody does. */
export async function underSpinner<Result>(output: Output, text: string, work: () => Promise<Result>): Promise<Result> {
  if (!output.live) return work();
  const { default: ora } = await import('ora');
  const spinner = ora({ text, stream: process.stderr, discardStdin: false }).start();
  try {
    return await work();
  } finally {
    spinner.stop();
  }
}
