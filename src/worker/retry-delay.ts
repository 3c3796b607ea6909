import type { RetryPolicy } from '../registry/listener.js';

/**
 * The pause before the next try, ms.
 * @param failures how often it has failed, this time included
 * @param random from 0 up to 1
 */
export function retryDelay(policy: RetryPolicy, failures: number, random: number): number {
  const grown = Math.min(growth(policy, failures), policy.maxDelayMs);
  // Spread around the pause: what failed together must not come back together.
  return Math.round(grown * (1 + policy.jitter * (random * 2 - 1)));
}

function growth({ backoff, delayMs }: RetryPolicy, failures: number): number {
  switch (backoff) {
    case 'fixed':
      return delayMs;
    case 'linear':
      return delayMs * failures;
    case 'exponential':
      return delayMs * 2 ** Math.min(failures - 1, 50);
  }
}
