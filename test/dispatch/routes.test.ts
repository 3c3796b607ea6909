import { expect, test } from 'vitest';
import { Routes } from '../../src/dispatch/routes.js';

const queueOf = (routes: Routes, event: string) => routes.of(event)?.queue;

test('the first route that matches a name counts, by name, by pattern, by list', () => {
  const routes = new Routes([
    { match: 'payment.failed', queue: 'alarms' },
    { match: ['payment.*', 'refund'], queue: 'payments' },
    { match: '*', queue: 'rest' },
  ]);
  // Twice: what is remembered says the same.
  for (let i = 0; i < 2; i++) {
    expect(queueOf(routes, 'payment.failed')).toBe('alarms');
    expect(queueOf(routes, 'payment.done')).toBe('payments');
    expect(queueOf(routes, 'refund')).toBe('payments');
    expect(queueOf(routes, 'order')).toBe('rest');
  }
});

test('a name that no route matches takes none, also when it is asked for again', () => {
  const routes = new Routes([{ match: 'a', queue: 'q' }]);
  expect([routes.of('b'), routes.of('b'), new Routes([]).of('a')]).toEqual([undefined, undefined, undefined]);
});

test('more names than are remembered are routed all the same', () => {
  const routes = new Routes([{ match: 'a*', queue: 'q' }]);
  const astray = Array.from({ length: 25_000 }, (_, i) => `${i % 2 === 0 ? 'a' : 'b'}${i}`).filter(
    (event) => (queueOf(routes, event) === 'q') !== event.startsWith('a'),
  );
  expect(astray).toEqual([]);
});
