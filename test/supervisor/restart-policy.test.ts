import { expect, test } from 'vitest';
import { RestartPolicy } from '../../src/supervisor/restart-policy.js';

test('the pause grows with each useless start, and stays below ten seconds', () => {
  const policy = new RestartPolicy(20);
  const pauses = Array.from({ length: 10 }, () => policy.crashed(false)).map((next) =>
    next.kind === 'restart' ? next.afterMs : -1,
  );
  expect(pauses).toEqual([100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
});

test('a worker that had handled something begins the count anew', () => {
  const policy = new RestartPolicy(2);
  expect(policy.crashed(false)).toMatchObject({ kind: 'restart' });
  expect(policy.crashed(false)).toMatchObject({ kind: 'restart' });
  expect(policy.crashed(true)).toEqual({ kind: 'restart', afterMs: 100 });
  expect(policy.crashed(false)).toMatchObject({ kind: 'restart' });
  expect(policy.crashed(false)).toEqual({ kind: 'give_up', crashes: 3 });
});
