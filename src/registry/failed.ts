import { ThrunError } from '../contracts/errors.js';

/** Everything that is wrong at once, a line each; what several files ran into is said once. */
export function failed(problems: readonly string[], cause?: unknown): ThrunError {
  const lines = [...new Set(problems)].map((problem) => `  ${problem}`);
  return new ThrunError('THRUN_DISCOVERY_FAILED', [lines.join('\n')], cause === undefined ? undefined : { cause });
}
