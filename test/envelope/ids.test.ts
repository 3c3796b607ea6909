import { validate, version } from 'uuid';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { derivedEventId, newEventId } from '../../src/envelope/index.js';

afterEach(() => vi.restoreAllMocks());

describe('newEventId', () => {
  it('is a UUIDv7, strictly increasing over 100,000', () => {
    let before = '';
    for (let n = 0; n < 100_000; n++) {
      const id = newEventId();
      // Plain comparisons: a hundred thousand expectations would take longer than the ids.
      if (!(id > before)) throw new Error(`${id} does not come after ${before} (number ${n})`);
      if (!validate(id) || version(id) !== 7) throw new Error(`${id} is no UUIDv7`);
      before = id;
    }
  });

  it('holds the time', () => {
    const before = Date.now();
    const ms = Number.parseInt(newEventId().replaceAll('-', '').slice(0, 12), 16);
    expect(ms).toBeGreaterThanOrEqual(before - 1);
    expect(ms).toBeLessThanOrEqual(Date.now() + 1);
  });

  it('increases when the clock is set back', () => {
    const first = newEventId();
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() - 3_600_000);
    const second = newEventId();
    const third = newEventId();
    expect(second > first).toBe(true);
    expect(third > second).toBe(true);
  });

  it('ends in random bits that differ each time', () => {
    const tails = new Set(Array.from({ length: 10_000 }, () => newEventId().slice(-10)));
    expect(tails.size).toBe(10_000);
  });
});

describe('derivedEventId', () => {
  it('is a UUIDv5 that never changes for a name', () => {
    // Written down: ids that are already out there depend on it.
    expect(derivedEventId('golden:message-1')).toBe('9c963010-c470-5769-b902-97088626e9c6');
    expect(version(derivedEventId('x'))).toBe(5);
  });

  it('takes any text', () => {
    for (const name of ['', '\ud800', '\0', '🎉', 'x'.repeat(100_000)])
      expect(validate(derivedEventId(name))).toBe(true);
  });
});
