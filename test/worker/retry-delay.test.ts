import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RETRY, resolveRetry } from '../../src/registry/listener.js';
import { retryDelay } from '../../src/worker/retry-delay.js';

describe('the pause before the next try', () => {
  test('doubles, adds or stays', () => {
    const delays = (backoff: 'exponential' | 'linear' | 'fixed') =>
      [1, 2, 3, 4].map((failures) => retryDelay(resolveRetry({ backoff, delay: '1s', jitter: 0 }), failures, 0.5));
    expect(delays('exponential')).toEqual([1000, 2000, 4000, 8000]);
    expect(delays('linear')).toEqual([1000, 2000, 3000, 4000]);
    expect(delays('fixed')).toEqual([1000, 1000, 1000, 1000]);
  });

  test('jitter spreads it on both sides', () => {
    const policy = resolveRetry({ delay: '10s', jitter: 0.2 });
    expect(retryDelay(policy, 1, 0)).toBe(8000);
    expect(retryDelay(policy, 1, 0.5)).toBe(10_000);
    expect(retryDelay(policy, 1, 1)).toBe(12_000);
  });

  test('is never negative, never over maxDelay with its jitter, however often it failed', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (failures, random) => {
          const ms = retryDelay(DEFAULT_RETRY, failures, random);
          return ms >= 0 && ms <= DEFAULT_RETRY.maxDelayMs * (1 + DEFAULT_RETRY.jitter);
        },
      ),
    );
  });
});
